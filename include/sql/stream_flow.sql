-- grain: one row: how the stream moved lately
-- binds: stream, lag_window, quarantine_window (seconds)
with samples as (
    select heartbeat_at, lag_records, batch_id, batch_seconds
    from ops.stream_samples
    where stream = %(stream)s and heartbeat_at > now() - make_interval(secs => %(lag_window)s)
),

batches as (
    select batch_id, max(batch_seconds) as seconds
    from samples
    where batch_id is not null
    group by batch_id
),

lines as (
    select closed_at, read_rows, quarantined_rows
    from ops.ledger
    where closed_at > now() - make_interval(secs => greatest(%(lag_window)s, %(quarantine_window)s))
)

select
    (select coalesce(extract(epoch from max(heartbeat_at) - min(heartbeat_at)), 0)::float8 from samples) as covered,
    (select regr_slope(lag_records, extract(epoch from heartbeat_at)) from samples) as lag_per_second,
    (select (coalesce(sum(read_rows), 0) / %(lag_window)s)::float8 from lines
     where closed_at > now() - make_interval(secs => %(lag_window)s)) as read_per_second,
    (select coalesce(sum(read_rows), 0)::bigint from lines
     where closed_at > now() - make_interval(secs => %(quarantine_window)s)) as read_rows,
    (select coalesce(sum(quarantined_rows), 0)::bigint from lines
     where closed_at > now() - make_interval(secs => %(quarantine_window)s)) as quarantined_rows,
    (select count(*) from batches) as batches,
    (select avg(seconds) from batches) as batch_seconds,
    (select max(minute_utc) from live.order_value_minute) as newest_event;
