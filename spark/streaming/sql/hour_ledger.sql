-- grain: one row per hour_utc
-- binds: batch_id
-- rerun: adds again; the ledger's guard keeps a batch from being added twice
insert into ops.hour_ledger as held (hour_utc, orders, revenue_cents, last_batch_id)
select date_trunc('hour', minute_utc, 'UTC'), sum(orders), sum(revenue_cents), %(batch_id)s
from staged_order_value
group by 1
order by 1
on conflict (hour_utc) do update set
    orders = held.orders + excluded.orders,
    revenue_cents = held.revenue_cents + excluded.revenue_cents,
    last_batch_id = excluded.last_batch_id;
