-- Keep every value of the aggregates of one hour, one per row: what a restatement compares.
-- binds: hour_utc (timestamptz), moment ('before' or 'after' the hour is replaced)
delete from kept_measures
where moment = %(moment)s;

with products as (
    select jsonb_build_object('product_id', product_id, 'region', region) as row_key, orders, units, revenue_cents
    from marts.product_sales_hourly
    where hour_utc = %(hour_utc)s
),

regions as (
    select jsonb_build_object('region', region) as row_key, orders, revenue_cents
    from marts.region_sales_hourly
    where hour_utc = %(hour_utc)s
),

order_values as (
    select
        jsonb_build_object('region', region, 'channel', channel) as row_key,
        orders,
        revenue_cents,
        average_order_value_cents
    from marts.order_value_hourly
    where hour_utc = %(hour_utc)s
)

insert into kept_measures (moment, mart, row_key, measure, value)
select %(moment)s, 'product_sales_hourly', row_key, measure, value
from products
cross join lateral (
    values ('orders', orders), ('units', units), ('revenue_cents', revenue_cents)
) as measures (measure, value)
union all
select %(moment)s, 'region_sales_hourly', row_key, measure, value
from regions
cross join lateral (values ('orders', orders), ('revenue_cents', revenue_cents)) as measures (measure, value)
union all
select %(moment)s, 'order_value_hourly', row_key, measure, value
from order_values
cross join lateral (
    values
        ('orders', orders),
        ('revenue_cents', revenue_cents),
        ('average_order_value_cents', average_order_value_cents)
) as measures (measure, value);
