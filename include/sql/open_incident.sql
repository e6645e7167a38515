-- binds: stream, kind, severity, summary, details, runbook, patience (seconds before somebody is told)
-- rerun: an incident that lasts is seen again; it only ever gets worse, and that is told at once
insert into ops.incidents as incident (stream, kind, severity, summary, details, runbook, notify_after)
values (
    %(stream)s, %(kind)s, %(severity)s, %(summary)s, %(details)s, %(runbook)s,
    clock_timestamp() + make_interval(secs => %(patience)s)
)
on conflict (stream, kind) where closed_at is null do update set
    last_seen_at = clock_timestamp(),
    summary = excluded.summary,
    details = excluded.details,
    runbook = excluded.runbook,
    severity = case 'critical' when incident.severity then 'critical' else excluded.severity end,
    notify_after = case
        when excluded.severity = 'critical' and incident.severity = 'warning' then clock_timestamp()
        else incident.notify_after
    end,
    attempts = case
        when excluded.severity = 'critical' and incident.severity = 'warning' then 0
        else incident.attempts
    end;
