"""Supervision against a real process manager and a real database."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from include.errors import StackError, StreamError
from include.process_manager import ProcessManager
from include.sales_db import connect
from include.settings import PostgresSettings, SupervisionSettings
from include.stream_watch import supervise
from stack.postgres import PostgresServer
from stack.processes import end, wait_until

pytestmark = pytest.mark.stack

GENERATION = UUID("00000000-0000-4000-8000-000000000002")
SETTINGS = SupervisionSettings(max_restarts_per_hour=2)
CONFIGURATION = """
[unix_http_server]
file={folder}/supervisor.sock
[supervisord]
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:stream]
command={python} -c "import signal; signal.pause()"
startsecs=0
autorestart=true
stopwaitsecs=60
[program:family]
command={python} -c "{family}"
directory={folder}
autostart=false
startsecs=0
"""
# A Python half and what stands for its JVM, whose number it leaves in a file.
FAMILY = (
    "import pathlib, subprocess; child = subprocess.Popen(['sleep', '60']);"
    " pathlib.Path('child').write_text(str(child.pid)); child.wait()"
)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ProcessManager]:
    """A process manager with one program that does nothing for ever."""
    file = tmp_path / "supervisord.conf"
    file.write_text(CONFIGURATION.format(folder=tmp_path, python=sys.executable, family=FAMILY))
    process = subprocess.Popen([sys.executable, "-m", "supervisor.supervisord", "-c", str(file)])
    manager = ProcessManager(tmp_path / "supervisor.sock", "stream")
    try:
        wait_until(lambda: _is_running(manager), seconds=20, what="the process manager")
        yield manager
    finally:
        end(process, seconds=20, interrupt=signal.SIGTERM)


def _is_running(manager: ProcessManager) -> bool:
    try:
        return manager.process().state == "RUNNING"
    except StackError:
        return False


@pytest.fixture
def connection(
    sales_database: PostgresSettings, postgres_server: PostgresServer
) -> Iterator[psycopg.Connection]:
    superuser = postgres_server.as_superuser(sales_database.database)
    with connect(superuser, application_name="test", autocommit=True) as emptying:
        emptying.execute(
            "truncate ops.ledger, ops.stream_progress, ops.stream_restarts, ops.stream_processes"
        )
    with closing(connect(sales_database, application_name="test", autocommit=True)) as opened:
        yield opened


def say(connection: psycopg.Connection, pid: int, *, heartbeat_age: int = 0) -> None:
    """The stream's own word: running, nothing waits."""
    connection.execute(
        "insert into ops.stream_progress"
        " (stream, generation, state, lag_records, heartbeat_at, started_at, pid) values"
        " ('orders', %s, 'running', 0, now() - make_interval(secs => %s), now() - interval '1 day', %s)"
        " on conflict (stream) do update set heartbeat_at = excluded.heartbeat_at, pid = excluded.pid",
        (GENERATION, heartbeat_age, pid),
    )


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
    assert "no heartbeat for 60 s" in watch.as_markdown()
    fresh = manager.process().pid
    assert fresh != frozen
    assert restarts(connection) == [(frozen, fresh, True)]
    with pytest.raises(ProcessLookupError):
        os.kill(frozen, 0)


@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_kill_takes_what_the_process_started(manager: ProcessManager, is_frozen: bool) -> None:
    """A JVM that hangs does not outlive its Python half, whether that ends when asked or not."""
    family = ProcessManager(manager.socket, "family")
    number = manager.socket.parent / "child"
    family._call("startProcess", "family", True)
    wait_until(lambda: number.is_file() and number.read_text() != "", seconds=10, what="the child")
    child, parent = int(number.read_text()), family.process().pid
    if is_frozen:
        os.kill(parent, signal.SIGSTOP)
    try:
        fresh = family.restart(force=True, stop_seconds=20).pid
        assert fresh not in (0, parent)
        wait_until(lambda: not _is_alive(child), seconds=5, what="the end of the child")
    finally:
        for pid in (child, *_children(family.process().pid)):
            if _is_alive(pid):
                os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_alive(pid: int) -> bool:
    """A zombie is not: it has no command line any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


def test_the_breaker_stops_a_crash_loop(manager: ProcessManager, connection: psycopg.Connection) -> None:
    """After as many restarts as allowed the run fails loudly and restarts no more."""
    for _ in range(SETTINGS.max_restarts_per_hour):
        say(connection, manager.process().pid, heartbeat_age=60)
        supervise(connection, manager, SETTINGS, "run-1").raise_for_refusal()
    say(connection, manager.process().pid, heartbeat_age=60)

    watch = supervise(connection, manager, SETTINGS, "run-2")

    assert len(restarts(connection)) == SETTINGS.max_restarts_per_hour
    with pytest.raises(StreamError, match="2 restarts in the last hour did not help"):
        watch.raise_for_refusal()


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
    assert "4 starts within 15 minutes" in watch.verdict.reasons[0]


def test_a_hole_in_the_ledger_is_seen(manager: ProcessManager, connection: psycopg.Connection) -> None:
    """Batch 1 does not begin where batch 0 ended."""
    say(connection, manager.process().pid)
    for batch, first, last in ((0, 0, 10), (1, 11, 20)):
        connection.execute(
            "insert into ops.ledger values (%s, 'orders.v1', 0, %s, %s, 1, 0, 1, 0, 0, 0, 0, 0, %s)",
            (batch, first, last, GENERATION),
        )
    assert supervise(connection, manager, SETTINGS, "run-1").verdict.health == "damaged"


def test_no_process_manager_is_a_clear_error(tmp_path: Path, connection: psycopg.Connection) -> None:
    """Nothing was judged, and the run says so."""
    with pytest.raises(StackError, match="saleslake status"):
        supervise(connection, ProcessManager(tmp_path / "none.sock", "stream"), SETTINGS, "run-1")
