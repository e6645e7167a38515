-- binds: state, detail, lag_records (null: unknown, as before), as_of (null: as before), generation (null: as
-- before), pid, busy_with, busy_until (both null: with batches)
update ops.stream_progress set
    state = %(state)s,
    detail = case when %(state)s = 'starting' and %(detail)s = '' then detail else %(detail)s end,
    generation = coalesce(%(generation)s, generation),
    lag_records = coalesce(%(lag_records)s, lag_records),
    as_of = greatest(as_of, %(as_of)s),
    busy_with = %(busy_with)s,
    busy_until = %(busy_until)s,
    heartbeat_at = clock_timestamp()
where stream = 'orders' and pid = %(pid)s;
