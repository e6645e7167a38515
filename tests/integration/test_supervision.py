"""Supervision against a real process manager and a real database."""

import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.errors import StackError, StreamError
from include.process_manager import ProcessManager
from include.sales_db import connect
from include.settings import AlertSettings, PostgresSettings, SupervisionSettings
from include.stream_watch import supervise
from include.stream_watchdog import Watchdog
from stack.postgres import PostgresServer
from stack.processes import wait_until
from tests.small_process_manager import process_manager
from tests.supervising import close_batch, empty_books, say

pytestmark = pytest.mark.stack

SETTINGS = SupervisionSettings(max_restarts_without_batch=2, second_look_seconds=1, restart_backoff_seconds=0)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ProcessManager]:
    with process_manager(tmp_path) as running:
        yield running


@pytest.fixture
def connection(
    sales_database: PostgresSettings, postgres_server: PostgresServer
) -> Iterator[psycopg.Connection]:
    with empty_books(sales_database, postgres_server) as opened:
        yield opened


def restarts(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    query = "select old_pid, new_pid, finished_at is not null from ops.stream_restarts order by restart_id"
    return connection.execute(query).fetchall()


def test_a_healthy_stream_is_not_touched(manager: ProcessManager, connection: psycopg.Connection) -> None:
    """Same process afterwards, no restart on record."""
    pid = manager.process().pid
    say(connection, pid)

    watch = supervise(connection, manager, SETTINGS, "run-1")

    assert watch.verdict.health == "healthy"
    assert (manager.process().pid, restarts(connection)) == (pid, [])


def test_a_frozen_stream_is_replaced(manager: ProcessManager, connection: psycopg.Connection) -> None:
    """SIGSTOP: the process is there, its heartbeat is not; it is killed at once, not asked to finish."""
    frozen = manager.process().pid
    os.kill(frozen, signal.SIGSTOP)
    say(connection, frozen, heartbeat_age=60)

    watch = supervise(connection, manager, SETTINGS, "run-1")

    assert watch.verdict.action == "kill"
    assert re.search(r"no heartbeat for 6\d s", watch.as_markdown())
    fresh = manager.process().pid
    assert fresh != frozen
    assert restarts(connection) == [(frozen, fresh, True)]
    with pytest.raises(ProcessLookupError):
        os.kill(frozen, 0)


def test_a_heartbeat_under_watch_saves_the_stream(
    manager: ProcessManager, connection: psycopg.Connection, sales_database: PostgresSettings
) -> None:
    """After an outage of the database the last beat is old, and the next one about to come."""
    pid = manager.process().pid
    say(connection, pid, heartbeat_age=60)
    beat = "update ops.stream_progress set heartbeat_at = now()"
    with closing(connect(sales_database, application_name="writer", autocommit=True)) as writer:
        timer = threading.Timer(1.5, writer.execute, [beat])
        timer.start()
        patient = SETTINGS.model_copy(update={"second_look_seconds": 20})
        watch = supervise(connection, manager, patient, "run-1")
        timer.join()

    assert watch.verdict.health == "healthy"
    assert (manager.process().pid, restarts(connection)) == (pid, [])


def test_the_breaker_stops_a_crash_loop(manager: ProcessManager, connection: psycopg.Connection) -> None:
    """After as many restarts as allowed the run fails loudly and restarts no more."""
    for _ in range(SETTINGS.max_restarts_without_batch):
        say(connection, manager.process().pid, heartbeat_age=60)
        supervise(connection, manager, SETTINGS, "run-1").raise_for_critical()
    say(connection, manager.process().pid, heartbeat_age=60)

    watch = supervise(connection, manager, SETTINGS, "run-2")

    assert len(restarts(connection)) == SETTINGS.max_restarts_without_batch
    with pytest.raises(StreamError, match="2 restarts and no batch since"):
        watch.raise_for_critical()


def test_restarts_that_brought_a_batch_do_not_open_the_breaker(
    manager: ProcessManager, connection: psycopg.Connection
) -> None:
    """Frozen again and again, healed again and again."""
    for _ in range(SETTINGS.max_restarts_without_batch + 1):
        say(connection, manager.process().pid, heartbeat_age=60)
        assert supervise(connection, manager, SETTINGS, "run-1").done.startswith("Restarted")
        connection.execute("update ops.stream_progress set last_batch_at = clock_timestamp()")


def test_of_two_who_find_it_frozen_one_acts(
    manager: ProcessManager, connection: psycopg.Connection, sales_database: PostgresSettings
) -> None:
    """The watchdog and Airflow look at the same moment: one restart, one new process."""
    say(connection, manager.process().pid, heartbeat_age=60)
    with (
        closing(connect(sales_database, application_name="second", autocommit=True)) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        watches = list(pool.map(lambda who: supervise(who, manager, SETTINGS, "run"), (connection, other)))

    assert len(restarts(connection)) == 1
    assert sum(watch.done.startswith("Restarted") for watch in watches) == 1


def test_the_watchdog_replaces_a_frozen_stream_without_airflow(
    manager: ProcessManager, connection: psycopg.Connection, sales_database: PostgresSettings
) -> None:
    """It looks by itself, and goes on after that."""
    frozen = manager.process().pid
    os.kill(frozen, signal.SIGSTOP)
    say(connection, frozen, heartbeat_age=60)
    settings = SETTINGS.model_copy(
        update={"supervisor_socket": manager.socket, "program": "stream", "watch_seconds": 0.2}
    )
    stop = threading.Event()
    watchdog = threading.Thread(target=Watchdog(sales_database, settings, AlertSettings()).watch, args=[stop])
    watchdog.start()
    try:
        wait_until(lambda: manager.process().pid not in (0, frozen), seconds=20, what="another process")
    finally:
        stop.set()
        watchdog.join()


def test_a_restart_cut_short_is_finished_by_the_next_run(
    manager: ProcessManager, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run dies between stop and start."""
    say(connection, manager.process().pid, heartbeat_age=60)

    def stop_and_die(**_: Any) -> None:
        manager._call("stopProcess", "stream", True)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(manager, "restart", stop_and_die)
        with pytest.raises(KeyboardInterrupt):
            supervise(connection, manager, SETTINGS, "run-1")
    assert manager.process().state == "STOPPED"

    assert supervise(connection, manager, SETTINGS, "run-2").verdict.health == "stuck"
    assert manager.process().state == "RUNNING"


def test_a_stream_stopped_by_hand_stays_stopped(
    manager: ProcessManager, connection: psycopg.Connection
) -> None:
    """Also when there were restarts before."""
    say(connection, manager.process().pid, heartbeat_age=60)
    supervise(connection, manager, SETTINGS, "run-1")
    manager._call("stopProcess", "stream", True)

    watch = supervise(connection, manager, SETTINGS, "run-2")

    assert (watch.verdict.action, manager.process().state) == ("refuse", "STOPPED")


def test_a_crash_loop_is_seen(manager: ProcessManager, connection: psycopg.Connection) -> None:
    """The process manager restarts a dying stream by itself: red after as many starts without a batch."""
    say(connection, 0)
    connection.execute("update ops.stream_progress set lag_records = 5")
    for _ in range(SETTINGS.max_starts_without_batch):
        watch = supervise(connection, manager, SETTINGS, "run-1")
        dying = manager.process()
        os.kill(dying.pid, signal.SIGKILL)
        wait_until(lambda old=dying.pid: manager.process().pid not in (0, old), seconds=10, what="a restart")

    assert watch.verdict.action == "refuse"
    assert "4 starts within 15 minutes" in watch.verdict.text


def test_a_hole_in_the_ledger_is_seen(manager: ProcessManager, connection: psycopg.Connection) -> None:
    """Batch 1 does not begin where batch 0 ended."""
    say(connection, manager.process().pid)
    close_batch(connection, 0, (0, 10))
    close_batch(connection, 1, (11, 20))
    assert supervise(connection, manager, SETTINGS, "run-1").verdict.health == "damaged"


def test_no_process_manager_is_a_clear_error(tmp_path: Path, connection: psycopg.Connection) -> None:
    """Nothing was judged, and the run says so."""
    with pytest.raises(StackError, match="saleslake status"):
        supervise(connection, ProcessManager(tmp_path / "none.sock", "stream"), SETTINGS, "run-1")
