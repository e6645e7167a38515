-- mart:  marts.order_value_hourly
-- grain: one row per hour_utc, region and channel
-- binds: hour_utc (timestamptz, start of the hour), as_of, completeness, version, is_restated
-- rerun: replaces that hour and nothing else; runs on a temp table of this form, whose rows are then audited and published
delete from marts.order_value_hourly
where hour_utc = %(hour_utc)s;

insert into marts.order_value_hourly (
    hour_utc, region, channel, orders, revenue_cents, average_order_value_cents,
    as_of, completeness, version, is_restated
)
select
    %(hour_utc)s,
    region,
    channel,
    sum(orders),
    sum(revenue_cents),
    round(sum(revenue_cents) / sum(orders)),
    %(as_of)s,
    %(completeness)s,
    %(version)s,
    %(is_restated)s
from staged_order_value_minutes
where minute_utc >= %(hour_utc)s
  and minute_utc < %(hour_utc)s + interval '1 hour'
group by region, channel;
