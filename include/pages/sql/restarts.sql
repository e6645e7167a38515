-- grain: one row per restart, the newest first
select started_at, finished_at, reason, run_id, old_pid, new_pid
from ops.stream_restarts
where stream = %(stream)s
order by restart_id desc
limit 10
