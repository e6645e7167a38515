"""Judges the stream by `include/supervision.py` and `include/measures.py`, and does what the verdict says."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg

from include.errors import StreamError
from include.measures import Audit, audited, measure, standing
from include.settings import SupervisionSettings
from include.stream_facts import STREAM, read_flow, read_history, read_progress, remember
from include.stream_runtime import Process, StreamRuntime
from include.supervision import Progress, Verdict, judge
from include.watch import Watch

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
# Held by whoever restarts the stream: the watchdog and Airflow may find it stuck at the same moment.
RESTART_LOCK = "hashtextextended('saleslake restart of stream orders', 0)"
ANNOUNCED = """
insert into ops.stream_restarts (stream, reason, run_id, old_pid) values (%s, %s, %s, %s) returning restart_id
"""
FINISHED = "update ops.stream_restarts set finished_at = now(), new_pid = %s where restart_id = %s"


def supervise(
    connection: psycopg.Connection,
    runtime: StreamRuntime,
    settings: SupervisionSettings,
    run_id: str,
    read_audit: Callable[[psycopg.Connection], Audit] | None = None,
) -> Watch:
    """
    Judge the stream and, where the verdict says so, restart it. A healthy stream is not touched, and of
    several who judge at the same time one acts.

    Args:
        read_audit: what is too dear for a look every few seconds; none: it is not judged.
    """
    seen = _look(connection, runtime, settings)
    if seen.verdict.action not in ("restart", "kill"):
        return _with_audit(connection, seen, settings, read_audit)
    with _alone(connection) as is_alone:
        if not is_alone:
            return seen._replace(done="Somebody else is restarting it. Nothing was done.")
        return _act(connection, runtime, settings, seen, run_id)


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
    runtime: StreamRuntime,
    settings: SupervisionSettings,
    seen: Watch,
    run_id: str,
) -> Watch:
    """Look again, because somebody else may have acted or the stream given a sign of life; then restart."""
    if seen.verdict.action == "kill":
        log.warning("%s: looking again before it is killed.", seen.verdict.text)
        _await_heartbeat(connection, seen.progress, settings.second_look_seconds)
    again = _look(connection, runtime, settings)
    process, verdict = again.process, again.verdict
    if verdict.action not in ("restart", "kill"):
        return again
    number = _announce_restart(connection, process, verdict, run_id)
    new = runtime.restart(force=verdict.action == "kill", stop_seconds=settings.max_stop_seconds)
    connection.execute(FINISHED, (new.pid, number))
    return again._replace(done=f"Restarted: process {process.pid} is gone, {new.pid} is {new.state}.")


def _look(connection: psycopg.Connection, runtime: StreamRuntime, settings: SupervisionSettings) -> Watch:
    process = runtime.process()
    remember(connection, process, settings)
    progress, history = read_progress(connection), read_history(connection)
    now = _now(connection)
    verdict = judge(process, progress, history, now, settings)
    rows = standing(process, progress, history, verdict, settings)
    seen = Watch(process, progress, verdict, tuple(rows))
    # What a stream that does not run said last would be judged as if it were true now.
    if progress is None or verdict.health not in ("healthy", "slow"):
        return seen
    return seen.with_measures(measure(progress, read_flow(connection, settings), now, settings))


def _now(connection: psycopg.Connection) -> datetime:
    row = connection.execute("select now()").fetchone()
    if row is None:
        raise StreamError("Asking the database for the time: no answer. Nothing was judged. Run it again.")
    now: datetime = row[0]
    return now


def _with_audit(
    connection: psycopg.Connection,
    seen: Watch,
    settings: SupervisionSettings,
    read_audit: Callable[[psycopg.Connection], Audit] | None,
) -> Watch:
    return seen.with_measures(audited(read_audit(connection), settings)) if read_audit else seen


def _await_heartbeat(connection: psycopg.Connection, silent: Progress | None, seconds: float) -> None:
    """Until the stream gives another sign of life, or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        now = read_progress(connection)
        if now and (silent is None or now.heartbeat_at > silent.heartbeat_at):
            return
        time.sleep(POLL_SECONDS)


def _announce_restart(
    connection: psycopg.Connection, old: Process, verdict: Verdict, run_id: str
) -> int | None:
    """The row is there before the stop, so that a run killed in between is seen by the next one."""
    log.warning("Restarting stream %s (pid %s): %s", STREAM, old.pid, verdict.text)
    row = connection.execute(ANNOUNCED, (STREAM, verdict.text, run_id, old.pid)).fetchone()
    return row[0] if row else None
