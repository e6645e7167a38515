-- grain: one row per stream
-- binds: stream
select
    stream, state, detail, generation::text as generation, batch_id, last_batch_at, batch_rows, batch_seconds,
    as_of, lag_records, heartbeat_at, started_at, pid, now() as checked_at
from ops.stream_progress
where stream = %(stream)s
