-- binds: batch_id, batch_rows, batch_seconds, as_of (null: as before)
update ops.stream_progress set
    batch_id = %(batch_id)s,
    batch_rows = %(batch_rows)s,
    batch_seconds = %(batch_seconds)s,
    last_batch_at = clock_timestamp(),
    heartbeat_at = clock_timestamp(),
    as_of = greatest(as_of, %(as_of)s)
where stream = 'orders';
