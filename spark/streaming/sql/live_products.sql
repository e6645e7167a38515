-- grain: one row per product_id, as its latest order named it
-- rerun: changes nothing
insert into live.products as held (product_id, product_name, category, named_at)
select distinct on (product_id) product_id, product_name, category, named_at
from staged_product_sales
order by product_id, named_at desc, product_name, category
on conflict (product_id) do update set
    product_name = excluded.product_name,
    category = excluded.category,
    named_at = excluded.named_at
where excluded.named_at >= held.named_at;
