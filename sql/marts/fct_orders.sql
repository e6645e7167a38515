-- mart:  marts.fct_orders
-- grain: one row per accepted order
-- binds: hour_utc (timestamptz, start of the hour)
-- rerun: replaces that hour and nothing else; runs on a temp table of this form, whose rows are then audited and published
delete from marts.fct_orders
where date_utc = (%(hour_utc)s at time zone 'UTC')::date
  and hour_utc = %(hour_utc)s;

with orders_of_the_hour as (
    select *
    from staged_orders
    where ordered_at >= %(hour_utc)s
      and ordered_at < %(hour_utc)s + interval '1 hour'
),

line_sums as (
    select
        order_id,
        count(*) as line_count,
        sum(quantity) as units,
        sum(quantity * unit_price_cents - discount_cents) as goods_cents
    from staged_lines
    where ordered_at >= %(hour_utc)s
      and ordered_at < %(hour_utc)s + interval '1 hour'
    group by order_id
)

insert into marts.fct_orders (
    date_utc, hour_utc, order_id, ordered_at, customer_id, region, country, channel, payment_method, currency,
    line_count, units, goods_cents, shipping_cents, tax_cents, total_cents, is_late,
    kafka_topic, kafka_partition, kafka_offset, batch_id
)
select
    (%(hour_utc)s at time zone 'UTC')::date,
    %(hour_utc)s,
    o.order_id,
    o.ordered_at,
    o.customer_id,
    o.region,
    o.country,
    o.channel,
    o.payment_method,
    o.currency,
    l.line_count,
    l.units,
    l.goods_cents,
    o.shipping_cents,
    o.tax_cents,
    o.total_cents,
    o.is_late,
    o.kafka_topic,
    o.kafka_partition,
    o.kafka_offset,
    o.batch_id
from orders_of_the_hour as o
join line_sums as l using (order_id);
