-- grain: one row per incident of any stream or DAG: those that last, then the newest of the others
select stream, severity, kind, summary, runbook, opened_at, last_seen_at, closed_at
from ops.incidents
order by closed_at is not null, incident_id desc
limit 12
