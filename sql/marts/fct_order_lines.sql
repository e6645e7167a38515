-- mart:  marts.fct_order_lines
-- grain: one row per line of an accepted order
-- binds: hour_utc (timestamptz, start of the hour)
-- rerun: replaces that hour and nothing else; runs on a temp table of this form, whose rows are then audited and published
delete from marts.fct_order_lines
where date_utc = (%(hour_utc)s at time zone 'UTC')::date
  and hour_utc = %(hour_utc)s;

insert into marts.fct_order_lines (
    date_utc, hour_utc, order_id, line_no, ordered_at, region, product_id,
    quantity, unit_price_cents, discount_cents, revenue_cents
)
select
    (%(hour_utc)s at time zone 'UTC')::date,
    %(hour_utc)s,
    order_id,
    line_no,
    ordered_at,
    region,
    product_id,
    quantity,
    unit_price_cents,
    discount_cents,
    quantity * unit_price_cents - discount_cents
from staged_lines
where ordered_at >= %(hour_utc)s
  and ordered_at < %(hour_utc)s + interval '1 hour';
