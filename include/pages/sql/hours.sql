-- grain: one row per hour with orders in the window: the live sums, and what the marts hold of it
-- binds: hours (how far back)
with live_hours as (
    select
        date_trunc('hour', minute_utc, 'UTC') as hour_utc,
        sum(orders)::bigint as live_orders,
        sum(revenue_cents)::bigint as live_revenue_cents
    from live.order_value_minute
    where minute_utc >= date_trunc('hour', now(), 'UTC') - make_interval(hours => %(hours)s)
      and minute_utc <= now()
    group by 1
),

marts_hours as (
    select
        hour_utc,
        sum(orders)::bigint as marts_orders,
        sum(revenue_cents)::bigint as marts_revenue_cents,
        bool_or(is_restated) as is_restated
    from marts.region_sales_hourly
    where hour_utc >= date_trunc('hour', now(), 'UTC') - make_interval(hours => %(hours)s)
    group by hour_utc
),

published as (
    select hour_utc, version, completeness::double precision as completeness, published_at
    from marts.current_publications
    where mart = 'region_sales_hourly'
      and hour_utc >= date_trunc('hour', now(), 'UTC') - make_interval(hours => %(hours)s)
)

select *
from live_hours
left join marts_hours using (hour_utc)
left join published using (hour_utc)
order by hour_utc desc
