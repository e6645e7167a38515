-- grain: one row per hour, as the marts hold it now, the newest hour first
select
    hour_utc,
    max(version) as version,
    min(completeness)::double precision as completeness,
    max(published_at) as published_at,
    max(amount_cents) filter (where mart = 'fct_orders') as amount_cents,
    max(row_count) filter (where mart = 'fct_orders') as orders,
    count(*) as marts
from marts.current_publications
where hour_utc >= date_trunc('hour', now(), 'UTC') - interval '12 hours'
group by hour_utc
order by hour_utc desc
