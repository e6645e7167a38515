"""Reads what `include/supervision.py` judges, and does what it says."""

import logging
import time
from typing import NamedTuple

import psycopg

from include.errors import StreamError
from include.process_manager import ProcessManager
from include.sales_hook import sales_connection
from include.settings import SupervisionSettings, get_settings
from include.supervision import History, Process, Progress, Verdict, judge

log = logging.getLogger(__name__)

STREAM = "orders"
# Enough to see every batch since the last run of a minute ago, few enough to cost nothing.
LEDGER_BATCHES = 500
POLL_SECONDS = 0.5

PROGRESS = """
select state, detail, batch_id, last_batch_at, as_of, lag_records, heartbeat_at, started_at, pid
from ops.stream_progress where stream = %s
"""
RESTARTS = """
select count(*), coalesce(bool_or(finished_at is null and restart_id = newest), false)
from (
    select *, max(restart_id) over () as newest
    from ops.stream_restarts where stream = %s and started_at > now() - interval '1 hour'
) as recent
"""
ANNOUNCED = """
insert into ops.stream_restarts (stream, reason, run_id, old_pid) values (%s, %s, %s, %s) returning restart_id
"""
FINISHED = "update ops.stream_restarts set finished_at = now(), new_pid = %s where restart_id = %s"
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
LEDGER_GAPS = """
with since as (select max(batch_id) - %s as batch_id from ops.ledger),
ranges as (
    select topic, partition, start_offset, end_offset
    from ops.ledger where batch_id > (select batch_id from since)
    union all
    select topic, partition, start_offset, end_offset
    from ops.accepted_losses where after_batch_id > (select batch_id from since)
)
select count(*)
from (
    select start_offset - lag(end_offset) over of_partition as skipped
    from ranges window of_partition as (partition by topic, partition order by start_offset)
) as neighbours
where skipped <> 0
"""


class Watch(NamedTuple):
    """What was seen, what was judged, what was done about it."""

    process: Process
    progress: Progress | None
    verdict: Verdict
    done: str

    def as_markdown(self) -> str:
        progress = self.progress
        facts = {
            "process": f"{self.process.state}, pid {self.process.pid}",
            "stream says": progress.state if progress else "nothing",
            "last batch": f"{progress.batch_id} at {progress.last_batch_at}" if progress else "–",
            "everything read up to": str(progress.as_of) if progress else "–",
            "records waiting": str(progress.lag_records) if progress else "–",
            "last heartbeat": str(progress.heartbeat_at) if progress else "–",
        }
        headline = f"**{STREAM}: {self.verdict.health}** – {'; '.join(self.verdict.reasons)}. {self.done}"
        rows = [f"| {name} | {value} |" for name, value in facts.items()]
        return "\n".join([headline, "", "| fact | value |", "|---|---|", *rows])

    def as_xcom(self) -> dict[str, str]:
        return {
            "health": self.verdict.health,
            "action": self.verdict.action,
            "summary": self.as_markdown(),
        }

    def raise_for_refusal(self) -> None:
        """
        Raises:
            StreamError: something is wrong that was left for a person.
        """
        if self.verdict.action == "refuse":
            raise StreamError(
                f"Supervising stream {STREAM}, {self.verdict.health}: {'; '.join(self.verdict.reasons)}."
                " Nothing was restarted. See docs/runbooks/supervise_streams.md."
            )


def supervise_for_run(run_id: str) -> dict[str, str]:
    """The one task of `supervise_streams`; returns what was seen and done, for XCom."""
    settings = get_settings().supervision
    manager = ProcessManager(settings.supervisor_socket, settings.program)
    with sales_connection("supervise_streams") as connection:
        watch = supervise(connection, manager, settings, run_id)
    log.info("%s", watch.as_markdown())
    watch.raise_for_refusal()
    return watch.as_xcom()


def supervise(
    connection: psycopg.Connection, manager: ProcessManager, settings: SupervisionSettings, run_id: str
) -> Watch:
    """Judge the stream and, where the verdict says so, restart it. A healthy stream is not touched."""
    process, progress, verdict = _look(connection, manager, settings)
    if progress and verdict.action == "kill":
        log.warning("%s: looking again before it is killed.", "; ".join(verdict.reasons))
        _await_heartbeat(connection, progress, settings.second_look_seconds)
        process, progress, verdict = _look(connection, manager, settings)
    done = "Nothing was done."
    if verdict.action in ("restart", "kill"):
        number = _announce_restart(connection, process, verdict, run_id)
        new = manager.restart(force=verdict.action == "kill", stop_seconds=settings.max_stop_seconds)
        connection.execute(FINISHED, (new.pid, number))
        done = f"Restarted: process {process.pid} is gone, {new.pid} is {new.state}."
    return Watch(process, progress, verdict, done)


def _look(
    connection: psycopg.Connection, manager: ProcessManager, settings: SupervisionSettings
) -> tuple[Process, Progress | None, Verdict]:
    process = manager.process()
    if process.pid and process.started_at:
        connection.execute(SEEN, (STREAM, process.pid, process.started_at))
    progress, history = read_progress(connection), read_history(connection)
    row = connection.execute("select now()").fetchone()
    if row is None:
        raise StreamError("Asking the database for the time: no answer. Nothing was judged. Run it again.")
    return process, progress, judge(process, progress, history, row[0], settings)


def _await_heartbeat(connection: psycopg.Connection, silent: Progress, seconds: float) -> None:
    """Until the stream gives another sign of life, or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (now := read_progress(connection)) and now.heartbeat_at > silent.heartbeat_at:
            return
        time.sleep(POLL_SECONDS)


def read_progress(connection: psycopg.Connection) -> Progress | None:
    row = connection.execute(PROGRESS, (STREAM,)).fetchone()
    return Progress(*row) if row else None


def read_history(connection: psycopg.Connection) -> History:
    restarts, unfinished = connection.execute(RESTARTS, (STREAM,)).fetchone() or (0, False)
    (gaps,) = connection.execute(LEDGER_GAPS, (LEDGER_BATCHES,)).fetchone() or (0,)
    (starts,) = connection.execute(STARTS_WITHOUT_BATCH, (STREAM,)).fetchone() or (0,)
    return History(restarts, unfinished, gaps, starts)


def _announce_restart(
    connection: psycopg.Connection, old: Process, verdict: Verdict, run_id: str
) -> int | None:
    """The row is there before the stop, so that a run killed in between is seen by the next one."""
    reason = "; ".join(verdict.reasons)
    log.warning("Restarting stream %s (pid %s): %s", STREAM, old.pid, reason)
    row = connection.execute(ANNOUNCED, (STREAM, reason, run_id, old.pid)).fetchone()
    return row[0] if row else None
