"""Two publishers, readers, locks and lost connections."""

import threading
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from include.publish import hour as hour_module
from include.publish.request import Request
from include.publish.run import publish
from include.sales_db import connect
from include.settings import PostgresSettings
from tests.integration.publish.publishing import (
    EVERYTHING,
    HOUR,
    LATER,
    SETTINGS,
    hashes,
    outcomes,
    rows,
    run,
    two_orders,
)
from tests.lake_double import LakeDouble, silver_order

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    ("batches", "seconds"), [(7, 0), (0, 1)], ids=["a later batch", "a later look at the same batch"]
)
def test_an_older_publisher_is_refused(lake: LakeDouble, batches: int, seconds: int) -> None:
    """
    What was published from a newer batch is not overwritten from an older one; nor from an earlier look at
    the same one: between two batches an hour closes, or is swapped.
    """
    lake.batch(two_orders(), LATER)
    run(lake)
    lake.connection.execute(
        "insert into marts.publications select mart, hour_utc, 2, as_of + make_interval(secs => %s),"
        " source_versions, row_count, amount_cents, completeness, content_hash, batch_id + %s, run_id"
        " from marts.publications",
        [seconds, batches],
    )
    assert outcomes(run(lake, Request("run-2", hours=[HOUR]))) == ["superseded"]


def test_two_publishers_at_once_publish_once(lake: LakeDouble, database: PostgresSettings) -> None:
    """The second waits for the first, then finds that nothing is left to do."""
    lake.batch([silver_order(f"O-{n}", HOUR + timedelta(seconds=n)) for n in range(500)], LATER)
    found: list[list[str]] = []
    start = threading.Barrier(2)

    def publisher() -> None:
        with closing(connect(database, application_name="test", autocommit=True)) as connection:
            start.wait()
            patient = SETTINGS.model_copy(update={"lock_timeout_seconds": 30})
            found.append(outcomes(publish(connection, lake.root, patient, Request("r", hours=[HOUR]))))

    threads = [threading.Thread(target=publisher) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [["published"], ["unchanged"]]
    assert rows(lake.connection, "select count(*), sum(total_cents) from marts.fct_orders") == [
        (500, 500 * 2_150)
    ]


def test_a_reader_sees_only_published_totals(lake: LakeDouble, database: PostgresSettings) -> None:
    """While an hour is published again and again, every total read is one that was published."""
    reader = database.model_copy(update={"user": "sales_reader"})
    seen: set[tuple[Any, ...]] = set()
    is_over = threading.Event()
    lake.batch(two_orders(), LATER)
    run(lake)

    def poll() -> None:
        query = "select (select sum(total_cents) from marts.fct_orders), (select sum(revenue_cents) from"
        query += " marts.region_sales_hourly), (select max(version) from marts.publications)"
        with closing(connect(reader, application_name="test", autocommit=True)) as connection:
            while not is_over.is_set():
                seen.update(rows(connection, query))
                is_over.wait(0.005)

    thread = threading.Thread(target=poll)
    thread.start()
    for n in range(20):
        lake.batch([silver_order(f"late-{n}", HOUR + timedelta(seconds=n))], LATER)
        run(lake)
    is_over.set()
    thread.join()

    published = rows(
        lake.connection,
        "select a.amount_cents, b.amount_cents, a.version from marts.publications a join marts.publications b"
        " using (hour_utc, version) where a.mart = 'fct_orders' and b.mart = 'region_sales_hourly'",
    )
    assert len(seen) > 3
    assert seen <= set(published)


def test_a_held_lock_ends_in_a_clear_failure(lake: LakeDouble, database: PostgresSettings) -> None:
    """The publisher gives up within its lock timeout; the next run completes."""
    lake.batch(two_orders(), LATER)
    with connect(database, application_name="holder") as holder:
        holder.execute("lock table marts.dim_product in share mode")
        summary = run(lake)
    assert outcomes(summary) == ["gave up"]
    assert "lock timeout" in summary.results[0].detail
    assert outcomes(run(lake)) == ["published"]


def test_another_publisher_is_waited_for_longer(lake: LakeDouble, database: PostgresSettings) -> None:
    """As long as it may take: not the seconds for which readers may be kept waiting."""
    lake.batch(two_orders(), LATER)
    with connect(database, application_name="holder") as holder:
        hour_number = int(HOUR.timestamp()) // 3600
        holder.execute("select pg_advisory_xact_lock(%s, %s)", (hour_module.HOUR_LOCK, hour_number))
        patient = SETTINGS.model_copy(update={"statement_timeout_seconds": 3})
        summary = publish(lake.connection, lake.root, patient, EVERYTHING)
    assert outcomes(summary) == ["gave up"]
    assert "statement timeout" in summary.results[0].detail
    assert SETTINGS.lock_timeout_seconds < patient.statement_timeout_seconds


def test_a_lost_connection_leaves_the_old_numbers(
    lake: LakeDouble, database: PostgresSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backend dies before COMMIT: readers keep the old version, a new run completes."""
    lake.batch(two_orders(), LATER)
    run(lake)
    before = hashes(lake.connection)
    lake.batch([silver_order("O-3", HOUR + timedelta(minutes=3))], LATER)

    def die(connection: psycopg.Connection, *_: Any) -> None:
        connection.execute("select pg_terminate_backend(pg_backend_pid())")

    with (
        closing(connect(database, application_name="test", autocommit=True)) as doomed,
        monkeypatch.context() as patched,
    ):
        patched.setattr(hour_module, "_restate", die)
        with pytest.raises(psycopg.OperationalError):
            publish(doomed, lake.root, SETTINGS, EVERYTHING)

    assert hashes(lake.connection) == before
    assert outcomes(run(lake)) == ["restated"]


def test_a_reader_with_a_long_transaction_is_not_in_the_way(
    lake: LakeDouble, database: PostgresSettings
) -> None:
    """Also a new day's partitions are made while a report is running."""
    lake.batch(two_orders(), LATER)
    run(lake)
    next_day = HOUR + timedelta(days=3)
    reader = database.model_copy(update={"user": "sales_reader"})
    with connect(reader, application_name="report") as report:
        report.execute("select count(*) from marts.fct_orders join marts.fct_order_lines using (order_id)")
        lake.batch([silver_order("O-8", next_day)], next_day + timedelta(hours=3))
        assert outcomes(run(lake)) == ["published"]
