-- binds: pid
-- rerun: says again that the stream starts; what earlier batches reached stays
insert into ops.stream_progress (stream, state, heartbeat_at, started_at, pid)
values ('orders', 'starting', clock_timestamp(), clock_timestamp(), %(pid)s)
on conflict (stream) do update set
    state = excluded.state,
    detail = '',
    heartbeat_at = excluded.heartbeat_at,
    started_at = excluded.started_at,
    pid = excluded.pid;
