-- grain: one row per minute_utc, region and channel
-- rerun: adds again; the ledger's guard keeps a batch from being added twice
insert into live.order_value_minute as held (minute_utc, region, channel, orders, revenue_cents)
select minute_utc, region, channel, orders, revenue_cents
from staged_order_value
order by minute_utc, region, channel
on conflict (minute_utc, region, channel) do update set
    orders = held.orders + excluded.orders,
    revenue_cents = held.revenue_cents + excluded.revenue_cents;
