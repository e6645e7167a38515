"""Publishing against a real PostgreSQL and real Delta tables."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from include.errors import GateFailed
from include.publish import hour as hour_module
from include.publish.hour import content
from include.publish.marts import MARTS
from include.publish.request import Request
from include.publish.run import publish
from include.publish.summary import Summary
from include.sales_db import connect
from include.settings import PostgresSettings, PublishSettings
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS
from stack.postgres import PostgresServer
from tests.lake_double import LakeDouble, line, silver_order

pytestmark = pytest.mark.stack

HOUR = datetime(2026, 11, 22, 10, tzinfo=UTC)
LATER = HOUR + timedelta(hours=5)
SETTINGS = PublishSettings(grace_minutes=10, lock_timeout_seconds=1)
EVERYTHING = Request("run-1", changed="all")


@pytest.fixture
def database(sales_database: PostgresSettings, postgres_server: PostgresServer) -> PostgresSettings:
    """The database with empty ledgers and marts."""
    superuser = postgres_server.as_superuser(sales_database.database)
    with connect(superuser, application_name="test", autocommit=True) as connection:
        connection.execute(
            "truncate ops.ledger, ops.hour_ledger, ops.stream_progress, marts.fct_orders,"
            " marts.fct_order_lines, marts.dim_product, marts.product_sales_hourly,"
            " marts.region_sales_hourly, marts.order_value_hourly, marts.publications, marts.restatements"
        )
    return sales_database


@pytest.fixture
def connection(database: PostgresSettings) -> Iterator[psycopg.Connection]:
    with closing(connect(database, application_name="test", autocommit=True)) as opened:
        yield opened


@pytest.fixture
def lake(tmp_path: Path, connection: psycopg.Connection) -> LakeDouble:
    return LakeDouble(tmp_path, connection)


def rows(connection: psycopg.Connection, query: LiteralString) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def run(lake: LakeDouble, request: Request = EVERYTHING) -> Summary:
    return publish(lake.connection, lake.root, SETTINGS, request)


def outcomes(summary: Summary) -> list[str]:
    return [result.outcome for result in summary.results]


def hashes(connection: psycopg.Connection) -> list[tuple[int, int, str]]:
    return [content(connection, mart, HOUR) for mart in MARTS]


def two_orders() -> list[dict[str, Any]]:
    return [
        silver_order("O-1", HOUR + timedelta(minutes=1)),
        silver_order("O-2", HOUR + timedelta(minutes=2), region="APAC", lines=[line(product_id="P-2")]),
    ]


def test_every_mart_holds_the_hour(lake: LakeDouble) -> None:
    """Facts, aggregates and the publication agree with what the lake was given."""
    lake.batch(two_orders(), LATER)

    assert outcomes(run(lake)) == ["published"]

    assert rows(
        lake.connection, "select order_id, goods_cents, total_cents from marts.fct_orders order by 1"
    ) == [
        ("O-1", 1_900, 2_150),
        ("O-2", 1_900, 2_150),
    ]
    assert rows(
        lake.connection,
        "select region, channel, orders, revenue_cents, average_order_value_cents, completeness, version,"
        " is_restated from marts.order_value_hourly order by region",
    ) == [
        ("APAC", "web", 1, 2_150, 2_150, Decimal(1), 1, False),
        ("EMEA", "web", 1, 2_150, 2_150, Decimal(1), 1, False),
    ]
    assert rows(
        lake.connection, "select mart, row_count, amount_cents from marts.publications order by mart"
    ) == [
        ("fct_order_lines", 2, 3_800),
        ("fct_orders", 2, 4_300),
        ("order_value_hourly", 2, 4_300),
        ("product_sales_hourly", 2, 3_800),
        ("region_sales_hourly", 2, 4_300),
    ]


def test_publishing_twice_is_once(lake: LakeDouble) -> None:
    """The second time, asked for by name, no row is rewritten and no version is added."""
    lake.batch(two_orders(), LATER)
    run(lake)
    written = rows(lake.connection, "select xmin::text, order_id from marts.fct_orders order by 2")

    again = run(lake, Request("run-2", hours=[HOUR]))

    assert outcomes(again) == ["unchanged"]
    assert rows(lake.connection, "select xmin::text, order_id from marts.fct_orders order by 2") == written
    assert rows(lake.connection, "select count(*) from marts.publications") == [(5,)]
    assert rows(lake.connection, "select count(*) from marts.restatements") == [(0,)]


def test_an_hour_that_did_not_change_is_not_looked_at(lake: LakeDouble) -> None:
    """On demand, what is published and unchanged costs nothing."""
    lake.batch(two_orders(), LATER)
    run(lake)
    assert outcomes(run(lake)) == []


def test_a_late_order_restates_its_hour(lake: LakeDouble) -> None:
    """Old and new value of every measure that changed are kept, and the hour says so."""
    lake.batch(two_orders(), LATER)
    run(lake)
    lake.batch([silver_order("O-3", HOUR + timedelta(minutes=3), is_late=True)], LATER)

    assert outcomes(run(lake, Request("run-2", changed="closed"))) == ["restated"]

    assert rows(
        lake.connection,
        "select row_key ->> 'region', measure, old_value, new_value, reason, run_id, version"
        " from marts.restatements where mart = 'region_sales_hourly' order by measure",
    ) == [
        ("EMEA", "orders", 1, 2, "late orders", "run-2", 2),
        ("EMEA", "revenue_cents", 2_150, 4_300, "late orders", "run-2", 2),
    ]
    assert rows(lake.connection, "select distinct version, is_restated from marts.region_sales_hourly") == [
        (2, True)
    ]


def test_an_open_hour_is_provisional_until_it_is_closed(lake: LakeDouble) -> None:
    """Completeness is the share seen; closing the hour is a new version and no restatement."""
    lake.batch(two_orders(), HOUR + timedelta(minutes=30))
    run(lake)
    lake.progress(HOUR + timedelta(minutes=70))

    assert outcomes(run(lake)) == ["published"]

    assert rows(
        lake.connection,
        "select version, completeness from marts.publications where mart = 'fct_orders' order by version",
    ) == [(1, Decimal("0.500")), (2, Decimal("1.000"))]
    assert rows(lake.connection, "select count(*) from marts.restatements") == [(0,)]


def test_a_scheduled_run_leaves_open_hours_alone(lake: LakeDouble) -> None:
    """Its own hour and closed ones; the running hour waits for its own run."""
    lake.batch(two_orders(), HOUR + timedelta(minutes=30))
    assert outcomes(run(lake, Request("run-1", changed="closed"))) == []


def test_a_batch_without_its_ledger_row_is_not_published(lake: LakeDouble) -> None:
    """The lake is ahead of the ledger while a batch is being written: its rows are not read."""
    lake.batch(two_orders(), LATER)
    ahead = silver_order("O-9", HOUR + timedelta(minutes=9), batch_id=1, offset=2)
    lake.append(SILVER_ORDERS, [ahead])

    run(lake)

    assert rows(lake.connection, "select count(*) from marts.fct_orders") == [(2,)]


def test_an_hour_without_orders_is_published_as_empty(lake: LakeDouble) -> None:
    """Closed and nothing sold is a fact; open and nothing sold yet is not."""
    lake.batch(two_orders(), LATER)
    empty, open_hour = HOUR + timedelta(hours=1), LATER

    summary = run(lake, Request("run-1", hours=[empty, open_hour]))

    assert outcomes(summary) == ["published", "open"]
    assert rows(lake.connection, "select distinct row_count, amount_cents from marts.publications") == [
        (0, 0)
    ]


def test_text_arrives_verbatim(lake: LakeDouble) -> None:
    """Quotes, separators, line ends, COPY's own escapes and the empty text survive."""
    names = ['a "quoted", name', "two\nlines\r\n", "\\N", "\\.", "", "'; drop table x; --", "مرحبا 😀 %s"]
    lines = [line(line_no=n, product_id=f"P-{n}", product_name=name) for n, name in enumerate(names, 1)]
    lake.batch([silver_order("O-1", HOUR, lines=lines)], LATER)

    run(lake)

    found = rows(lake.connection, "select product_name from marts.dim_product order by product_id")
    assert [name for (name,) in found] == names


def test_a_product_has_the_name_of_its_latest_order(lake: LakeDouble) -> None:
    """Republishing an earlier hour does not bring an old name back."""
    lake.batch([silver_order("O-1", HOUR, lines=[line(product_name="old")])], LATER)
    lake.batch([silver_order("O-2", HOUR + timedelta(hours=1), lines=[line(product_name="new")])], LATER)
    run(lake)
    lake.batch([silver_order("O-3", HOUR + timedelta(minutes=5), lines=[line(product_name="older")])], LATER)
    run(lake)
    assert rows(lake.connection, "select product_name from marts.dim_product") == [("new",)]


def _extra_order(lake: LakeDouble) -> None:
    lake.append(SILVER_ORDERS, [silver_order("O-9", HOUR, batch_id=0, offset=9)])


def _repeated_order(lake: LakeDouble) -> None:
    lake.append(SILVER_ORDERS, [silver_order("O-1", HOUR, batch_id=0, offset=9)])


def _extra_order_value(lake: LakeDouble) -> None:
    cell = {"minute_utc": HOUR, "region": "EMEA", "channel": "web", "orders": 1, "revenue_cents": 5}
    lake.append(GOLD_ORDER_VALUE_MINUTE, [{**cell, "batch_id": 0, "date_utc": HOUR.date()}])


def _shifted_order_value(lake: LakeDouble) -> None:
    """Sums stay right; the regions do not."""
    for region, sign in (("EMEA", -1), ("APAC", 1)):
        cell = {"minute_utc": HOUR, "region": region, "channel": "web", "orders": 0, "revenue_cents": sign}
        lake.append(GOLD_ORDER_VALUE_MINUTE, [{**cell, "batch_id": 0, "date_utc": HOUR.date()}])


def _extra_product_sales(lake: LakeDouble) -> None:
    cell = {"minute_utc": HOUR, "product_id": "P-7", "region": "EMEA", "orders": 1, "units": 1}
    row = {**cell, "revenue_cents": 0, "batch_id": 0, "date_utc": HOUR.date()}
    lake.append(GOLD_PRODUCT_SALES_MINUTE, [row])


def _higher_ledger(lake: LakeDouble) -> None:
    lake.connection.execute("update ops.hour_ledger set revenue_cents = revenue_cents + 1")


@pytest.mark.parametrize(
    "damage",
    [
        _extra_order, _repeated_order, _extra_order_value, _shifted_order_value, _extra_product_sales,
        _higher_ledger,
    ],
)  # fmt: skip
def test_the_gate_fails_when_the_numbers_differ(lake: LakeDouble, damage: Any) -> None:
    """One cent, one order or one key too many in any place: nothing of the hour is published."""
    lake.batch(two_orders(), LATER)
    damage(lake)

    summary = run(lake)

    assert outcomes(summary) == ["failed"]
    with pytest.raises(GateFailed, match="2026-11-22T10:00Z"):
        summary.raise_for_failures()
    assert rows(lake.connection, "select count(*) from marts.publications") == [(0,)]


def test_a_failed_hour_does_not_stop_the_others(lake: LakeDouble) -> None:
    """The good hour is published, the run still fails."""
    lake.batch([*two_orders(), silver_order("O-5", HOUR + timedelta(hours=1))], LATER)
    _extra_order(lake)
    assert outcomes(run(lake)) == ["failed", "published"]


def test_an_order_counted_in_another_hour_fails_the_gate(lake: LakeDouble) -> None:
    """An order is in one hour only, also across publications."""
    lake.batch([silver_order("O-1", HOUR)], LATER)
    run(lake)
    lake.batch([silver_order("O-1", HOUR + timedelta(hours=1))], LATER)
    assert outcomes(run(lake)) == ["failed"]


def test_no_ledger_is_no_publish(lake: LakeDouble) -> None:
    """Nothing looked at is not good news."""
    with pytest.raises(GateFailed, match="last closed batch None"):
        run(lake)


def test_a_missing_table_is_no_publish(lake: LakeDouble) -> None:
    """A wrong lake root must not look like a lake without orders."""
    lake.batch(two_orders(), LATER)
    with pytest.raises(GateFailed, match=r"silver\.orders"):
        publish(lake.connection, lake.root / "elsewhere", SETTINGS, EVERYTHING)


def test_an_older_publisher_is_refused(lake: LakeDouble) -> None:
    """What a newer batch published is not overwritten from an older one."""
    lake.batch(two_orders(), LATER)
    run(lake)
    lake.connection.execute(
        "insert into marts.publications select mart, hour_utc, 2, as_of, source_versions, row_count,"
        " amount_cents, completeness, content_hash, 7, run_id from marts.publications"
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
        hour_number = int(HOUR.timestamp()) // 3600
        holder.execute("select pg_advisory_xact_lock(%s, %s)", (hour_module.HOUR_LOCK, hour_number))
        summary = run(lake)
    assert outcomes(summary) == ["gave up"]
    assert "lock timeout" in summary.results[0].detail
    assert outcomes(run(lake)) == ["published"]


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


@pytest.mark.parametrize(
    ("user", "statement"),
    [
        ("sales_reader", "select * from ops.ledger"),
        ("sales_reader", "select marts.ensure_day('2026-01-01')"),
        ("sales_loader", "create table marts.mine (n int)"),
        ("sales_loader", "drop table marts.fct_orders"),
        ("sales_loader", "delete from marts.publications"),
        ("sales_loader", "update marts.restatements set new_value = 0"),
    ],
)
def test_a_role_may_do_no_more_than_it_needs(database: PostgresSettings, user: str, statement: str) -> None:
    """History is only added to; nobody who logs in changes the schema."""
    role = database.model_copy(update={"user": user})
    with (
        closing(connect(role, application_name="test", autocommit=True)) as connection,
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)),
    ):
        connection.execute(statement)  # type: ignore[call-overload]


def test_every_table_and_column_is_explained(connection: psycopg.Connection) -> None:
    """Analysts read the comments: none is missing in schema marts."""
    missing = rows(
        connection,
        "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'marts'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition"
        " and a.attnum > 0 and not a.attisdropped"
        " and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)",
    )
    assert missing == []
