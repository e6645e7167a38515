-- What must be equal before an hour is published: one row per check, with what was expected and what was found.
-- binds: hour_utc (timestamptz), ledger_orders, ledger_revenue_cents (what the lake writer's ledger says)
with orders_of_the_hour as materialized (
    select * from staged_orders
    where ordered_at >= %(hour_utc)s and ordered_at < %(hour_utc)s + interval '1 hour'
),

lines_of_the_hour as materialized (
    select *, quantity * unit_price_cents - discount_cents as revenue_cents from staged_lines
    where ordered_at >= %(hour_utc)s and ordered_at < %(hour_utc)s + interval '1 hour'
),

gold_values as materialized (
    select region, channel, sum(orders) as orders, sum(revenue_cents) as revenue_cents
    from staged_order_value_minutes
    where minute_utc >= %(hour_utc)s and minute_utc < %(hour_utc)s + interval '1 hour'
    group by region, channel
),

gold_products as materialized (
    select
        product_id, region, sum(orders) as orders, sum(units) as units, sum(revenue_cents) as revenue_cents
    from staged_product_minutes
    where minute_utc >= %(hour_utc)s and minute_utc < %(hour_utc)s + interval '1 hour'
    group by product_id, region
),

silver_values as (
    select region, channel, count(*)::numeric as orders, sum(total_cents) as revenue_cents
    from orders_of_the_hour
    group by region, channel
),

silver_products as (
    select
        product_id,
        region,
        count(distinct order_id)::numeric as orders,
        sum(quantity)::numeric as units,
        sum(revenue_cents) as revenue_cents
    from lines_of_the_hour
    group by product_id, region
),

-- Symmetric differences: a key with other values counts on both sides, a missing one on one side.
value_differences as (
    (table silver_values except table gold_values) union all (table gold_values except table silver_values)
),

product_differences as (
    (table silver_products except table gold_products) union all (table gold_products except table silver_products)
)

select 'orders in silver.orders = ops.hour_ledger' as name, %(ledger_orders)s::numeric as expected,
       (select count(*) from orders_of_the_hour)::numeric as found
union all
select 'cents in silver.orders = ops.hour_ledger', %(ledger_revenue_cents)s,
       (select coalesce(sum(total_cents), 0) from orders_of_the_hour)
union all
select 'orders in gold.order_value_minute = ops.hour_ledger', %(ledger_orders)s,
       (select coalesce(sum(orders), 0) from gold_values)
union all
select 'cents in gold.order_value_minute = ops.hour_ledger', %(ledger_revenue_cents)s,
       (select coalesce(sum(revenue_cents), 0) from gold_values)
union all
select 'gold.order_value_minute = silver.orders, keys that differ', 0, (select count(*) from value_differences)
union all
select 'gold.product_sales_minute = lines of silver.orders, keys that differ', 0, (select count(*) from product_differences)
union all
select 'silver.orders: cents of lines + shipping + tax = cents of orders',
       (select coalesce(sum(total_cents), 0) from orders_of_the_hour),
       (select coalesce(sum(revenue_cents), 0) from lines_of_the_hour)
       + (select coalesce(sum(shipping_cents + tax_cents), 0) from orders_of_the_hour)
union all
select 'silver.orders: order_id occurs once in the hour, repeats', 0,
       (select count(*) - count(distinct order_id) from orders_of_the_hour)
union all
-- Of the weeks around: each day more is a probe more for every order, half a minute for an hour after a year. The lake
-- writer's look-up and `saleslake reconcile` know of all orders.
select 'silver.orders: order_id is in no other hour published within a week of it, repeats', 0,
       (select count(*) from orders_of_the_hour as o join marts.fct_orders as f using (order_id)
        where f.hour_utc <> %(hour_utc)s
          and f.date_utc between (%(hour_utc)s at time zone 'UTC')::date - 7
          and (%(hour_utc)s at time zone 'UTC')::date + 7);
