-- binds: stream, keep_hours
-- rerun: a heartbeat that is there stays as it is
with outdated as (
    delete from ops.stream_samples
    where stream = %(stream)s and heartbeat_at < now() - make_interval(hours => %(keep_hours)s)
)

insert into ops.stream_samples (stream, heartbeat_at, lag_records, as_of, batch_id, batch_rows, batch_seconds)
select stream, heartbeat_at, lag_records, as_of, batch_id, batch_rows, batch_seconds
from ops.stream_progress
where stream = %(stream)s and state = 'running'
on conflict (stream, heartbeat_at) do nothing;
