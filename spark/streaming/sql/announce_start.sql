-- binds: pid
-- rerun: says again that the stream starts; what earlier batches reached stays
insert into ops.stream_progress (stream, state, heartbeat_at, started_at, pid)
values ('orders', 'starting', clock_timestamp(), clock_timestamp(), %(pid)s)
on conflict (stream) do update set
    state = excluded.state,
    -- Why the driver before refused to go on must outlive it: this one is likely to refuse, too.
    detail = case stream_progress.state
        when 'failed' then left('again; the one before failed: ' || stream_progress.detail, 1100)
        when 'starting' then stream_progress.detail
        else ''
    end,
    heartbeat_at = excluded.heartbeat_at,
    started_at = excluded.started_at,
    busy_with = null,
    busy_until = null,
    pid = excluded.pid;
