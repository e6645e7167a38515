-- grain: one row per minute_utc, product_id and region
-- rerun: adds again; the ledger's guard keeps a batch from being added twice
insert into live.product_sales_minute as held (minute_utc, product_id, region, orders, units, revenue_cents)
select minute_utc, product_id, region, orders, units, revenue_cents
from staged_product_sales
order by minute_utc, product_id, region
on conflict (minute_utc, product_id, region) do update set
    orders = held.orders + excluded.orders,
    units = held.units + excluded.units,
    revenue_cents = held.revenue_cents + excluded.revenue_cents;
