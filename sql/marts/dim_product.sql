-- mart:  marts.dim_product
-- grain: one row per product_id
-- binds: hour_utc (timestamptz, start of the hour)
-- rerun: changes nothing; a product is renamed only by a later order
with lines_of_the_hour as (
    select product_id, product_name, category, ordered_at, order_id, line_no
    from staged_lines
    where ordered_at >= %(hour_utc)s
      and ordered_at < %(hour_utc)s + interval '1 hour'
),

latest_names as (
    select distinct on (product_id) product_id, product_name, category, ordered_at
    from lines_of_the_hour
    order by product_id, ordered_at desc, order_id desc, line_no desc
)

-- Sorted by product_id, so that two publishers lock the products in the same order.
insert into marts.dim_product as known (product_id, product_name, category, named_at)
select product_id, product_name, category, ordered_at
from latest_names
order by product_id
on conflict (product_id) do update
set product_name = excluded.product_name, category = excluded.category, named_at = excluded.named_at
where known.named_at < excluded.named_at;
