"""What supervision measures in a real database, beside a real process manager, and whom it tells."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from include.errors import NeedsAPerson
from include.process_manager import ProcessManager
from include.settings import AlertSettings, PostgresSettings, Settings, SupervisionSettings
from include.stream_audit import read_audit
from include.stream_incidents import record
from include.stream_watch import supervise
from include.stream_watchdog import Watchdog
from include.supervise_task import look_and_tell
from include.watch import Watch
from stack.postgres import PostgresServer
from stack.processes import wait_until
from tests.small_process_manager import process_manager
from tests.supervising import close_batch, empty_books, say
from tests.webhook import Webhook, webhook

pytestmark = pytest.mark.stack

SETTINGS = SupervisionSettings(second_look_seconds=0)


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


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as server:
        yield server


def severity(watch: Watch, kind: str) -> str | None:
    return next(row.severity for row in watch.measures if row.kind == kind)


def test_a_lag_that_grows_is_a_warning_and_restarts_nothing(
    manager: ProcessManager, connection: psycopg.Connection
) -> None:
    """Samples of five minutes: 100 records a second more than are read."""
    pid = manager.process().pid
    say(connection, pid, lag=30_000)
    connection.execute(
        "insert into ops.stream_samples (stream, heartbeat_at, lag_records)"
        " select 'orders', now() - make_interval(secs => age), 30000 - 100 * age"
        " from generate_series(5, 295, 5) as age"
    )
    close_batch(connection, 0, (0, 60_000), seconds_ago=10)

    watch = supervise(connection, manager, SETTINGS, "run-1")

    assert (watch.verdict.action, watch.verdict.severity) == ("none", "warning")
    assert "30000 records, 300/s come, 200/s are read, never caught up" in watch.as_markdown()
    watch.raise_for_critical()
    assert manager.process().pid == pid


def test_a_look_leaves_one_sample_per_heartbeat(
    manager: ProcessManager, connection: psycopg.Connection
) -> None:
    """However many look; what is older than a day is gone."""
    connection.execute("insert into ops.stream_samples values ('orders', now() - interval '25 hours', 1)")
    say(connection, manager.process().pid, lag=7)
    for _ in range(3):
        supervise(connection, manager, SETTINGS, "run-1")

    assert connection.execute("select lag_records from ops.stream_samples").fetchall() == [(7,)]


def test_much_quarantine_is_for_a_person_and_restarts_nothing(
    manager: ProcessManager, connection: psycopg.Connection
) -> None:
    """Of the last minutes; what was quarantined before does not count."""
    pid = manager.process().pid
    say(connection, pid)
    close_batch(connection, 0, (0, 5_000), seconds_ago=SETTINGS.quarantine_window_minutes * 60 + 60)
    close_batch(connection, 1, (5_000, 5_300), quarantined=150)

    watch = supervise(connection, manager, SETTINGS, "run-1")

    with pytest.raises(NeedsAPerson, match=r"quarantined: 50\.0%, 150 of 300 .*quarantine_fail_share"):
        watch.raise_for_critical()
    assert (watch.verdict.health, manager.process().pid) == ("healthy", pid)


def test_restarts_that_do_not_help_wait(manager: ProcessManager, connection: psycopg.Connection) -> None:
    """The second comes no sooner than a minute after the first, though it is as stuck as before."""
    watches = []
    for _ in range(3):
        say(connection, manager.process().pid, heartbeat_age=60)
        watches.append(supervise(connection, manager, SETTINGS, "run-1"))
        if watches[-1].done.startswith("Nothing"):
            connection.execute("update ops.stream_restarts set started_at = started_at - interval '61 s'")

    assert [watch.verdict.action for watch in watches] == ["kill", "none", "kill"]
    assert "after 1 that brought no batch" in watches[1].verdict.text


def test_an_old_hole_is_found_by_adding_up_the_whole_ledger(
    manager: ProcessManager,
    connection: psycopg.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The watchdog looks at the last batches, Airflow at all of them."""
    say(connection, manager.process().pid)
    monkeypatch.setattr("include.stream_facts.LEDGER_LINES", 2)
    for batch, offsets in enumerate([(0, 10), (11, 20), (20, 30)]):
        close_batch(connection, batch, offsets)
    audit = partial(read_audit, lake_root=tmp_path, settings=SETTINGS)

    assert supervise(connection, manager, SETTINGS, "watchdog").verdict.severity == "ok"
    assert severity(supervise(connection, manager, SETTINGS, "run-1", audit), "books") == "critical"


def test_the_order_index_is_counted_and_weighed(connection: psycopg.Connection, tmp_path: Path) -> None:
    """Its orders by the ledger of hours, its bytes by its files; an index out of sight has no size."""
    connection.execute(
        "insert into ops.hour_ledger values (now(), 40, 0, 1), (now() - interval '1 h', 2, 0, 1)"
    )
    assert read_audit(connection, tmp_path, SETTINGS).order_index == (42, None)
    folder = tmp_path / "_index" / "orders"
    folder.mkdir(parents=True)
    (folder / "000001.sst").write_bytes(b"x" * 100)

    assert read_audit(connection, tmp_path, SETTINGS).order_index == (42, 100)


def test_a_ledger_too_large_to_add_up_is_not_called_balanced(
    connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes longer than it may; the connection is as usable as before."""
    monkeypatch.setattr("include.stream_audit.read_books", lambda c: c.execute("select pg_sleep(9)"))
    hasty = SETTINGS.model_copy(update={"max_books_seconds": 1})

    assert read_audit(connection, tmp_path, hasty).ledger.balances is None
    assert connection.execute("show statement_timeout").fetchone() == ("0",)


def test_a_ledger_that_takes_long_is_added_up_less_often(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    """Two seconds' work is not done again for 200; what came of it is shown meanwhile."""
    close_batch(connection, 0, (0, 10))
    shown = []
    for seconds_ago in (0, 150, 201):
        connection.execute(
            "update ops.ledger_audit set seconds = 2, began_at = now() - make_interval(secs => %s)",
            [seconds_ago],
        )
        shown.append(read_audit(connection, tmp_path, SETTINGS).ledger.read_rows)
        close_batch(connection, len(shown), (10 * len(shown), 10 * len(shown) + 10))

    assert shown == [10, 10, 30]


def test_a_restart_is_over_when_the_stream_moves_again(
    manager: ProcessManager, connection: psycopg.Connection
) -> None:
    """Not while the new process only starts."""

    def look() -> tuple[str, list[tuple[object, ...]]]:
        watch = supervise(connection, manager, SETTINGS, "run-1")
        record(connection, watch, AlertSettings(close_after_seconds=0))
        found = connection.execute("select kind, severity, closed_at is null from ops.incidents").fetchall()
        return watch.verdict.health, found

    say(connection, manager.process().pid, heartbeat_age=60)
    assert look() == ("stuck", [("stuck", "warning", True)])
    assert look() == ("starting", [("stuck", "warning", True)])
    say(connection, manager.process().pid)
    assert look() == ("healthy", [("stuck", "warning", False)])


def test_watchdog_and_airflow_tell_of_an_incident_once(
    manager: ProcessManager,
    connection: psycopg.Connection,
    sales_database: PostgresSettings,
    hook: Webhook,
    tmp_path: Path,
) -> None:
    """Both look again and again, until it is over and they have told that too."""
    say(connection, manager.process().pid)
    close_batch(connection, 0, (0, 300), quarantined=300)
    fast = SETTINGS.model_copy(
        update={"supervisor_socket": manager.socket, "program": "stream", "watch_seconds": 0.05}
    )
    told = AlertSettings.model_validate({"webhook_url": hook.url, "close_after_seconds": 0.3})
    settings = Settings(supervision=fast, alerts=told, lake={"root": tmp_path})  # type: ignore[arg-type]
    stop = threading.Event()
    watchdog = threading.Thread(target=Watchdog(sales_database, fast, told).watch, args=[stop])
    watchdog.start()
    try:
        for _ in range(20):
            look_and_tell(connection, manager, settings, "run-1")
        wait_until(lambda: bool(hook.received), seconds=20, what="the message")
        close_batch(connection, 1, (300, 3_300))

        def is_over() -> bool:
            say(connection, manager.process().pid)  # alive all the time
            look_and_tell(connection, manager, settings, "run-1")
            return len(hook.received) > 1

        wait_until(is_over, seconds=20, what="the end of the incident")
    finally:
        stop.set()
        watchdog.join()
    assert hook.events == [("opened", "quarantine", "critical"), ("closed", "quarantine", "critical")]
