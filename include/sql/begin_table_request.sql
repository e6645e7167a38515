-- rerun: begins the same request again, if nobody finished it
update ops.table_requests
set state = 'running', attempts = attempts + 1, begun_at = now()
where request_id = (
    select min(request_id) from ops.table_requests where state in ('waiting', 'running')
)
returning request_id, kind, arguments, requested_by, state, attempts, result, detail
