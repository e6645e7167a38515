"""What the database says about the stream: the facts that each look judges."""

from pathlib import Path

import psycopg

from include.measures import Flow
from include.settings import SupervisionSettings
from include.stream_runtime import Process
from include.supervision import History, Progress

SQL = Path(__file__).with_name("sql")
STREAM = "orders"
# 500 batches of four partitions: enough to see every batch since the last run of a minute ago, few enough to
# cost nothing.
LEDGER_LINES = 2_000

PROGRESS = """
select
    state, detail, batch_id, last_batch_at, as_of, lag_records, heartbeat_at, started_at, pid,
    busy_with, busy_until
from ops.stream_progress where stream = %s
"""
# A restart has helped when the lake came further after it: by a batch, or because nothing waited.
RESTARTS = """
select
    count(*),
    coalesce(bool_or(finished_at is null and restart_id = newest), false),
    count(*) filter (where restarted_at > coalesce(helped_until, '-infinity')),
    max(restarted_at)
from (
    select
        restart.*,
        restart.started_at as restarted_at,
        max(restart_id) over () as newest,
        greatest(progress.last_batch_at, progress.as_of) as helped_until
    from ops.stream_restarts as restart
    left join ops.stream_progress as progress using (stream)
    where stream = %s and restart.started_at > now() - interval '1 hour'
) as recent
"""
SEEN = """
insert into ops.stream_processes (stream, pid, started_at) values (%s, %s, %s) on conflict do nothing
"""
STARTS_WITHOUT_BATCH = """
select count(*)
from ops.stream_processes as process
left join ops.stream_progress as progress using (stream)
where stream = %s
  and process.started_at > now() - interval '15 minutes'
  and process.started_at > coalesce(progress.last_batch_at, '-infinity')
"""
# By a limit: of a bound that it has to compute PostgreSQL expects a third of the ledger, and reads all of it.
LEDGER_GAPS = """
with lines as (
    select batch_id, topic, partition, start_offset, end_offset
    from ops.ledger order by batch_id desc limit %s
),
ranges as (
    select topic, partition, start_offset, end_offset from lines
    union all
    select topic, partition, start_offset, end_offset
    from ops.accepted_losses where after_batch_id >= (select min(batch_id) from lines)
)
select count(*)
from (
    select start_offset - lag(end_offset) over of_partition as skipped
    from ranges window of_partition as (partition by topic, partition order by start_offset)
) as neighbours
where skipped <> 0
"""


def remember(connection: psycopg.Connection, process: Process, settings: SupervisionSettings) -> None:
    """The process that was seen, and a sample of its progress. Twice is once."""
    if process.pid and process.started_at:
        connection.execute(SEEN, (STREAM, process.pid, process.started_at))
    binds = {"stream": STREAM, "keep_hours": settings.keep_samples_hours}
    connection.execute((SQL / "sample_stream.sql").read_bytes(), binds)


def read_progress(connection: psycopg.Connection) -> Progress | None:
    row = connection.execute(PROGRESS, (STREAM,)).fetchone()
    return Progress(*row) if row else None


def read_history(connection: psycopg.Connection) -> History:
    nothing = (0, False, 0, None)
    restarts, unfinished, in_vain, last = connection.execute(RESTARTS, (STREAM,)).fetchone() or nothing
    (gaps,) = connection.execute(LEDGER_GAPS, (LEDGER_LINES,)).fetchone() or (0,)
    (starts,) = connection.execute(STARTS_WITHOUT_BATCH, (STREAM,)).fetchone() or (0,)
    return History(restarts, unfinished, gaps, starts, in_vain, last)


def read_flow(connection: psycopg.Connection, settings: SupervisionSettings) -> Flow:
    binds = {
        "stream": STREAM,
        "lag_window": settings.lag_window_seconds,
        "quarantine_window": settings.quarantine_window_minutes * 60,
    }
    row = connection.execute((SQL / "stream_flow.sql").read_bytes(), binds).fetchone()
    return Flow(*row) if row else Flow(0, None, 0, 0, 0, 0, None, None)
