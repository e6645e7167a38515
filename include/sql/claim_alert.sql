-- grain: one row, or none: what is to be told now. Who gets it has it alone for `claim` seconds.
-- binds: claim (seconds)
-- What could not be told for a day is not told any more.
update ops.incidents as incident set
    notify_after = clock_timestamp() + make_interval(secs => %(claim)s),
    attempts = attempts + 1
where incident_id = (
    select incident_id
    from ops.incidents
    where notify_after <= clock_timestamp() and last_seen_at > clock_timestamp() - interval '1 day'
    order by notify_after, incident_id
    limit 1
    for update skip locked
)
returning
    incident_id, stream, kind, severity, opened_at, closed_at, summary, details, runbook, notified_as, notify_after,
    attempts;
