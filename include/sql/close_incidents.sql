-- binds: stream, over (kinds that were looked at and not found), calm (seconds they must not have been seen)
-- Nobody is told of the end of what nobody was to be told yet.
update ops.incidents set
    closed_at = clock_timestamp(),
    attempts = 0,
    notify_after = case
        when notified_as is not null or attempts > 0 or notify_after <= clock_timestamp() then clock_timestamp()
    end
where stream = %(stream)s
  and closed_at is null
  and kind = any(%(over)s)
  and last_seen_at <= clock_timestamp() - make_interval(secs => %(calm)s);
