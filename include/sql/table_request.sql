select request_id, kind, arguments, requested_by, state, attempts, result, detail
from ops.table_requests
where request_id = %s
