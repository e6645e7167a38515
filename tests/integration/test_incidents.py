"""Incidents in a real database, and who is told of them by a real webhook."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.alerts import tell_due
from include.incidents import Finding, close_over, open_or_update
from include.sales_db import connect
from include.settings import AlertSettings, PostgresSettings, SupervisionSettings
from include.stream_runtime import Process
from include.stream_watchdog import Watchdog
from stack.postgres import PostgresServer
from stack.processes import wait_until
from tests.webhook import Webhook, webhook

pytestmark = pytest.mark.stack


@pytest.fixture
def connection(
    sales_database: PostgresSettings, postgres_server: PostgresServer
) -> Iterator[psycopg.Connection]:
    superuser = postgres_server.as_superuser(sales_database.database)
    with connect(superuser, application_name="test", autocommit=True) as emptying:
        emptying.execute("truncate ops.incidents, ops.stream_progress, ops.stream_restarts, ops.ledger")
    with closing(connect(sales_database, application_name="test", autocommit=True)) as opened:
        yield opened


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as server:
        yield server


def alerts(hook: Webhook, **changes: Any) -> AlertSettings:
    return AlertSettings.model_validate(
        {"webhook_url": hook.url, "retry_seconds": 0, "close_after_seconds": 0, **changes}
    )


def finding(kind: str = "lag", severity: str = "critical", *, patience: float = 0) -> Finding:
    return Finding(kind, severity, "too much", "docs/runbooks/x.md", {"a": 1}, patience)  # type: ignore[arg-type]


def incidents(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    query = (
        "select kind, severity, closed_at is null, notified_as, notified_how from ops.incidents"
        " order by incident_id"
    )
    return connection.execute(query).fetchall()


def test_an_incident_that_lasts_is_told_once(connection: psycopg.Connection, hook: Webhook) -> None:
    """Looked at twenty times by two at once: one row, one message."""
    settings = alerts(hook)
    with closing(connect(_same(connection), application_name="other", autocommit=True)) as other:

        def look_often(who: psycopg.Connection) -> None:
            for _ in range(20):
                open_or_update(who, "orders", [finding()])
                tell_due(who, settings)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(look_often, (connection, other)))

    assert hook.events == [("opened", "lag", "critical")]
    assert incidents(connection) == [("lag", "critical", True, "critical", "log, webhook")]
    # Nothing is left to tell, also when the teller's claim has run out.
    assert connection.execute("select notify_after from ops.incidents").fetchall() == [(None,)]


def _same(connection: psycopg.Connection) -> PostgresSettings:
    info = connection.info
    return PostgresSettings(
        host=info.host, port=info.port, database=info.dbname, user=info.user, password=info.password
    )


def test_what_gets_worse_and_what_is_over_is_told(connection: psycopg.Connection, hook: Webhook) -> None:
    """Once each; that it got better again meanwhile is not."""
    settings = alerts(hook)
    for severity in ("warning", "critical", "warning"):
        open_or_update(connection, "orders", [finding(severity=severity)])
        tell_due(connection, settings)
    close_over(connection, "orders", ["lag"], calm=0)
    tell_due(connection, settings)
    tell_due(connection, settings)

    assert [event for event, *_ in hook.events] == ["opened", "worsened", "closed"]
    assert incidents(connection) == [("lag", "critical", False, "closed", "log, webhook")]
    assert hook.received[-1]["closed_at"] is not None
    assert "docs/runbooks/x.md" in hook.received[0]["text"]


def test_a_warning_is_told_when_it_has_lasted(connection: psycopg.Connection, hook: Webhook) -> None:
    """One that is over before that is on record, and nobody was bothered."""
    for patience, told in ((60, []), (0, [("opened", "lag", "warning")])):
        open_or_update(connection, "orders", [finding(severity="warning", patience=patience)])
        tell_due(connection, alerts(hook))
        assert hook.events == told
        close_over(connection, "orders", ["lag"], calm=0)
    tell_due(connection, alerts(hook))

    assert hook.events == [("opened", "lag", "warning"), ("closed", "lag", "warning")]
    assert incidents(connection)[0] == ("lag", "warning", False, None, None)


def test_a_pause_does_not_end_an_incident(connection: psycopg.Connection, hook: Webhook) -> None:
    """It must not have been seen for a while; only kinds that were looked at can be over."""
    open_or_update(connection, "orders", [finding("lag"), finding("stuck")])
    close_over(connection, "orders", ["lag", "stuck"], calm=60)
    close_over(connection, "orders", ["lag"], calm=0)
    close_over(connection, "others", ["stuck"], calm=0)

    assert [(kind, is_open) for kind, _, is_open, *_ in incidents(connection)] == [
        ("lag", False),
        ("stuck", True),
    ]


def test_what_comes_back_is_another_incident(connection: psycopg.Connection, hook: Webhook) -> None:
    """And is told again."""
    for _ in range(2):
        open_or_update(connection, "orders", [finding()])
        tell_due(connection, alerts(hook))
        close_over(connection, "orders", ["lag"], calm=0)
        tell_due(connection, alerts(hook))

    assert [event for event, *_ in hook.events] == ["opened", "closed"] * 2


def test_a_webhook_that_was_down_is_told_later(
    connection: psycopg.Connection, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the alert once, nothing is raised, and no line has the address."""
    hook.status = 500
    with caplog.at_level(logging.DEBUG):
        open_or_update(connection, "orders", [finding()])
        assert [tell_due(connection, alerts(hook)) for _ in range(3)] == [0, 0, 0]
        assert incidents(connection) == [("lag", "critical", True, None, None)]
        hook.status = 204
        assert tell_due(connection, alerts(hook)) == 1

    assert hook.events == [("opened", "lag", "critical")]
    assert sum("opened: orders lag" in line for line in caplog.messages) == 1
    assert sum("it answered 500" in line for line in caplog.messages) == 3
    assert "a-secret-path" not in caplog.text


def test_a_webhook_that_is_not_there_is_named_by_its_setting(
    connection: psycopg.Connection, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    """Also an address that is none."""
    for url in ("http://127.0.0.1:1/a-secret-path", "a-secret-path", "ftp://a-secret-path"):
        open_or_update(connection, "orders", [finding()])
        with caplog.at_level(logging.DEBUG):
            assert tell_due(connection, alerts(hook, webhook_url=url)) == 0

    assert "alerts.webhook_url" in caplog.text
    assert "a-secret-path" not in caplog.text
    assert "a-secret-path" not in repr(alerts(hook))


def test_what_ended_while_the_webhook_was_down_is_told_as_over(
    connection: psycopg.Connection, hook: Webhook
) -> None:
    """Somebody should know that it was there; one message says both."""
    hook.status = 503
    open_or_update(connection, "orders", [finding()])
    tell_due(connection, alerts(hook))
    close_over(connection, "orders", ["lag"], calm=0)
    hook.status = 204
    tell_due(connection, alerts(hook))

    assert hook.events == [("closed", "lag", "critical")]


def test_a_failed_delivery_waits_before_the_next_try(connection: psycopg.Connection, hook: Webhook) -> None:
    """A look every five seconds is not a try every five seconds."""
    hook.status = 500
    open_or_update(connection, "orders", [finding()])
    tell_due(connection, alerts(hook, retry_seconds=60))
    hook.status = 204

    assert tell_due(connection, alerts(hook, retry_seconds=60)) == 0
    assert hook.events == []


def test_without_a_webhook_the_log_is_told(
    connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """Once."""
    open_or_update(connection, "orders", [finding()])
    for _ in range(2):
        tell_due(connection, AlertSettings())

    assert sum("critical" in line and "too much" in line for line in caplog.messages) == 1
    assert incidents(connection) == [("lag", "critical", True, "critical", "log")]


def test_a_webhook_that_hangs_does_not_keep_the_watchdog_from_looking(
    connection: psycopg.Connection, sales_database: PostgresSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the message and does not answer; the watchdog goes on looking meanwhile."""
    looked, hanging, released = [0], threading.Event(), threading.Event()

    class Stopped:
        def process(self) -> Process:
            looked[0] += 1
            return Process("STOPPED", 0, None)

    def hang(*_: object) -> str:
        hanging.set()
        released.wait(30)
        return "nothing"

    monkeypatch.setattr("include.stream_watchdog.runtime_of", lambda _: Stopped())
    monkeypatch.setattr("include.alerts.post", hang)
    settings = SupervisionSettings(supervisor_socket=Path("none"), watch_seconds=0.05)
    told = AlertSettings.model_validate({"webhook_url": "http://127.0.0.1:1"})
    stop = threading.Event()
    watchdog = threading.Thread(target=Watchdog(sales_database, settings, told).watch, args=[stop])
    watchdog.start()
    try:
        wait_until(hanging.is_set, seconds=20, what="the webhook to be called")
        before = looked[0]
        wait_until(lambda: looked[0] > before + 5, seconds=20, what="more looks")
    finally:
        released.set()
        stop.set()
        watchdog.join()

    assert [row[:3] for row in incidents(connection)] == [("stopped", "critical", True)]
