-- grain: one row per step and region that sold in the window; steps without orders have a row of zeros
-- binds: hours (how far back), step_minutes (60 is a multiple of it)
with bounds as (
    select
        date_bin(
            make_interval(mins => %(step_minutes)s), now() - make_interval(hours => %(hours)s), 'epoch'
        ) as since
),

sold as (
    select
        date_bin(make_interval(mins => %(step_minutes)s), minute_utc, 'epoch') as step_utc,
        region,
        sum(orders)::bigint as orders,
        sum(revenue_cents)::bigint as revenue_cents
    from live.region_trend, bounds
    where minute_utc >= since and minute_utc <= now()
    group by step_utc, region
),

steps as (
    select generate_series(since, now(), make_interval(mins => %(step_minutes)s)) as step_utc from bounds
)

select
    region,
    array_agg(extract(epoch from step_utc)::bigint order by step_utc) as steps,
    array_agg(coalesce(orders, 0) order by step_utc) as orders_by_step,
    array_agg(coalesce(revenue_cents, 0) order by step_utc) as revenue_cents_by_step,
    coalesce(sum(orders), 0)::bigint as orders,
    coalesce(sum(revenue_cents), 0)::bigint as revenue_cents
from steps cross join (select distinct region from sold) as regions
left join sold using (step_utc, region)
group by region
order by region
