-- grain: one row per request, the newest first
select
    request_id, kind, arguments, requested_by, requested_at, state, attempts, begun_at, finished_at, detail
from ops.table_requests
order by request_id desc
limit 10
