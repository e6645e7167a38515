-- grain: one row per product_id, as its latest order named it; of equally late ones the greatest name
-- rerun: changes nothing
insert into live.products as held (product_id, product_name, category, named_at)
select distinct on (product_id) product_id, product_name, category, named_at
from staged_product_sales
order by product_id, named_at desc, product_name collate "C" desc, category collate "C" desc
on conflict (product_id) do update set
    product_name = excluded.product_name,
    category = excluded.category,
    named_at = excluded.named_at
-- By value alone: whichever batch an order came in, the same name wins.
where (excluded.named_at, excluded.product_name collate "C", excluded.category collate "C")
    > (held.named_at, held.product_name collate "C", held.category collate "C");
