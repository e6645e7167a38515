"""What a publish leaves in the marts, against a real PostgreSQL and real Delta tables."""

import time
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from include.publish.request import Request
from include.sales_db import connect
from include.settings import PostgresSettings
from lake.tables import SILVER_ORDERS
from tests.integration.publish.publishing import HOUR, LATER, outcomes, rows, run, two_orders
from tests.lake_double import LakeDouble, line, silver_order

pytestmark = pytest.mark.stack


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


def test_a_publication_says_how_long_it_took(lake: LakeDouble) -> None:
    """Of its run, up to this hour: all marts of an hour the same."""
    lake.batch(two_orders(), LATER)
    began = time.monotonic()
    run(lake)
    took = time.monotonic() - began
    (seconds,) = rows(lake.connection, "select distinct publish_seconds from marts.current_publications")
    assert 0 < seconds[0] <= took


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
