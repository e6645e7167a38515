-- grain: one row per minute of the last hour, by the time a batch was closed; the running minute is the last
select
    extract(epoch from minute_utc)::bigint as minute,
    coalesce(sum(silver_rows), 0)::bigint as silver,
    coalesce(sum(duplicate_rows), 0)::bigint as duplicate,
    coalesce(sum(quarantined_rows), 0)::bigint as quarantined,
    count(distinct batch_id) as batches
from generate_series(
    date_trunc('minute', now()) - interval '60 minutes', date_trunc('minute', now()), interval '1 minute'
) as minute_utc
left join (
    select *
    from ops.ledger
    -- Batches are closed in their order: only the newest are looked at, by the primary key.
    where batch_id > (select max(batch_id) from ops.ledger) - 5000
      and closed_at >= date_trunc('minute', now()) - interval '60 minutes'
) as recent on date_trunc('minute', closed_at) = minute_utc
group by minute_utc
order by minute_utc
