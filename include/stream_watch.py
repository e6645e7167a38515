"""Reads what `include/supervision.py` judges, and does what it says."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg

from include.errors import StreamError
from include.process_manager import ProcessManager
from include.settings import SupervisionSettings
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
# A restart has helped when the lake came further after it: by a batch, or because nothing waited.
RESTARTS = """
select
    count(*),
    coalesce(bool_or(finished_at is null and restart_id = newest), false),
    count(*) filter (where restarted_at > coalesce(helped_until, '-infinity'))
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
# Held by whoever restarts the stream: the watchdog and Airflow may find it stuck at the same moment.
RESTART_LOCK = "hashtextextended('saleslake restart of stream orders', 0)"
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


def supervise(
    connection: psycopg.Connection, manager: ProcessManager, settings: SupervisionSettings, run_id: str
) -> Watch:
    """
    Judge the stream and, where the verdict says so, restart it. A healthy stream is not touched, and of
    several who judge at the same time one acts.
    """
    seen = _look(connection, manager, settings)
    if seen.verdict.action not in ("restart", "kill"):
        return seen
    with _alone(connection) as is_alone:
        if not is_alone:
            return seen._replace(done="Somebody else is restarting it. Nothing was done.")
        return _act(connection, manager, settings, seen, run_id)


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[bool]:
    """Whether nobody else restarts the stream, which holds until the end of the block."""
    row = connection.execute(f"select pg_try_advisory_lock({RESTART_LOCK})").fetchone()
    is_alone = bool(row and row[0])
    try:
        yield is_alone
    finally:
        if is_alone and not connection.broken:
            connection.execute(f"select pg_advisory_unlock({RESTART_LOCK})")


def _act(
    connection: psycopg.Connection,
    manager: ProcessManager,
    settings: SupervisionSettings,
    seen: Watch,
    run_id: str,
) -> Watch:
    """Look again, because somebody else may have acted or the stream given a sign of life; then restart."""
    if seen.verdict.action == "kill":
        log.warning("%s: looking again before it is killed.", "; ".join(seen.verdict.reasons))
        _await_heartbeat(connection, seen.progress, settings.second_look_seconds)
    process, progress, verdict, _ = again = _look(connection, manager, settings)
    if verdict.action not in ("restart", "kill"):
        return again
    number = _announce_restart(connection, process, verdict, run_id)
    new = manager.restart(force=verdict.action == "kill", stop_seconds=settings.max_stop_seconds)
    connection.execute(FINISHED, (new.pid, number))
    done = f"Restarted: process {process.pid} is gone, {new.pid} is {new.state}."
    return Watch(process, progress, verdict, done)


def _look(connection: psycopg.Connection, manager: ProcessManager, settings: SupervisionSettings) -> Watch:
    process = manager.process()
    if process.pid and process.started_at:
        connection.execute(SEEN, (STREAM, process.pid, process.started_at))
    progress, history = read_progress(connection), read_history(connection)
    row = connection.execute("select now()").fetchone()
    if row is None:
        raise StreamError("Asking the database for the time: no answer. Nothing was judged. Run it again.")
    verdict = judge(process, progress, history, row[0], settings)
    return Watch(process, progress, verdict, "Nothing was done.")


def _await_heartbeat(connection: psycopg.Connection, silent: Progress | None, seconds: float) -> None:
    """Until the stream gives another sign of life, or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        now = read_progress(connection)
        if now and (silent is None or now.heartbeat_at > silent.heartbeat_at):
            return
        time.sleep(POLL_SECONDS)


def read_progress(connection: psycopg.Connection) -> Progress | None:
    row = connection.execute(PROGRESS, (STREAM,)).fetchone()
    return Progress(*row) if row else None


def read_history(connection: psycopg.Connection) -> History:
    restarts, unfinished, in_vain = connection.execute(RESTARTS, (STREAM,)).fetchone() or (0, False, 0)
    (gaps,) = connection.execute(LEDGER_GAPS, (LEDGER_BATCHES,)).fetchone() or (0,)
    (starts,) = connection.execute(STARTS_WITHOUT_BATCH, (STREAM,)).fetchone() or (0,)
    return History(restarts, unfinished, gaps, starts, in_vain)


def _announce_restart(
    connection: psycopg.Connection, old: Process, verdict: Verdict, run_id: str
) -> int | None:
    """The row is there before the stop, so that a run killed in between is seen by the next one."""
    reason = "; ".join(verdict.reasons)
    log.warning("Restarting stream %s (pid %s): %s", STREAM, old.pid, reason)
    row = connection.execute(ANNOUNCED, (STREAM, reason, run_id, old.pid)).fetchone()
    return row[0] if row else None
