"""`insights` and `reconcile` against a real PostgreSQL, filled as the stream fills it."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.insights import as_text, read_insights
from include.reconcile.database import DatabaseCut
from include.reconcile.report import as_text as report
from include.reconcile.run import reconcile
from include.sales_db import connect
from include.settings import LakeSettings, PostgresSettings, Settings
from tests.small_database import database_of
from tests.small_lake import lake_of, note_down, some_events

pytestmark = pytest.mark.stack

GENERATION = "00000000-0000-0000-0000-000000000001"


def insert(connection: psycopg.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    marks = ", ".join(f"%({name})s" for name in names)
    connection.cursor().executemany(f"insert into {table} ({', '.join(names)}) values ({marks})", rows)


def progress(as_of: datetime) -> dict[str, Any]:
    return {"stream": "orders", "generation": GENERATION, "state": "running", "as_of": as_of, "pid": 1,
            "heartbeat_at": as_of, "started_at": as_of}  # fmt: skip


def test_insights_say_so_when_nothing_has_arrived(own_sales_database: PostgresSettings) -> None:
    """No table is empty without a word."""
    text = as_text(read_insights(own_sales_database), currency="USD")

    assert "No order has arrived yet" in text
    assert text.count("no order was placed") == 3


def test_reconcile_says_so_when_nothing_has_arrived(
    own_sales_database: PostgresSettings, tmp_path: Path
) -> None:
    """A comparison of nothing is a failure, in words."""
    result = reconcile(settings(own_sales_database, tmp_path))

    assert not result.passed
    assert "nothing has arrived" in report(result)


def settings(sales: PostgresSettings, folder: Path) -> Settings:
    return Settings(
        manifest=folder / "manifest.sqlite", postgres=sales, lake=LakeSettings(root=folder / "lake")
    )


def test_reconcile_passes_on_a_right_lake_and_sees_a_cent(
    own_sales_database: PostgresSettings, tmp_path: Path
) -> None:
    """Ledger, hours and live are read from PostgreSQL; one cent more in live is found."""
    events = some_events()
    note_down(tmp_path / "manifest.sqlite", events)
    lake = lake_of(events)
    lake.write(tmp_path / "lake")
    with (
        closing(connect(own_sales_database, application_name="test")) as connection,
        connection.transaction(),
    ):
        fill(connection, database_of(lake))

    right = reconcile(settings(own_sales_database, tmp_path), wait_seconds=5)
    with (
        closing(connect(own_sales_database, application_name="test")) as connection,
        connection.transaction(),
    ):
        connection.execute(
            "update live.order_value_minute set revenue_cents = revenue_cents + 1 where ctid ="
            " (select ctid from live.order_value_minute limit 1)"
        )
    wrong = reconcile(settings(own_sales_database, tmp_path))

    assert right.passed, report(right)
    assert [check.layer for check in wrong.checks if check.failures] == ["live.order_value_minute"]


def fill(connection: psycopg.Connection, database: DatabaseCut) -> None:
    """Write what the stream would have written."""
    silver, duplicate, quarantined = database.ledger_cents
    ledger = [
        {**row, "topic": "orders.v1", "generation": GENERATION, "silver_cents": 0, "duplicate_cents": 0,
         "quarantined_cents": 0, "read_cents": 0}
        for row in database.ledger.to_pylist()
    ]  # fmt: skip
    ledger[0] |= {"silver_cents": silver, "duplicate_cents": duplicate, "quarantined_cents": quarantined,
                  "read_cents": silver + duplicate + quarantined}  # fmt: skip
    insert(connection, "ops.ledger", ledger)
    hours = [
        {
            "hour_utc": instant(row),
            "orders": row["orders"],
            "revenue_cents": row["revenue_cents"],
            "last_batch_id": 0,
        }
        for row in database.sums["ops.hour_ledger"].to_pylist()
    ]
    insert(connection, "ops.hour_ledger", hours)
    for table in ("live.order_value_minute", "live.product_sales_minute"):
        rows = database.sums[table].to_pylist()
        insert(connection, table, [{"minute_utc": instant(row), **without_hour(row)} for row in rows])


def instant(row: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(row["hour_utc"], UTC)


def without_hour(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "hour_utc"}


def test_insights_answer_the_three_questions(own_sales_database: PostgresSettings) -> None:
    """Best product, busiest region, average order value, each from orders of this minute."""
    now = datetime.now(UTC)
    minute = now.replace(second=0, microsecond=0)
    with (
        closing(connect(own_sales_database, application_name="test")) as connection,
        connection.transaction(),
    ):
        sold = {"minute_utc": minute, "region": "EMEA", "orders": 2}
        product = {"product_id": "P-1", "product_name": "Kettle \x1b[31m", "category": "Kitchen"}
        insert(connection, "live.products", [product | {"named_at": now}])
        insert(
            connection,
            "live.product_sales_minute",
            [sold | {"product_id": "P-1", "units": 5, "revenue_cents": 9_000}],
        )
        insert(connection, "live.order_value_minute", [sold | {"channel": "web", "revenue_cents": 10_001}])
        insert(connection, "ops.stream_progress", [progress(now)])

    insights = read_insights(own_sales_database)
    text = as_text(insights, currency="USD")

    assert (insights.top_products[0].product_id, insights.top_products[0].units) == ("P-1", 5)
    assert sum(insights.trends[0].orders_by_minute) == insights.trends[0].orders == 2
    assert [v.average_order_value_cents for v in insights.order_values if v.period == "last_hour"] == [5_001]
    assert not insights.is_stale
    assert "\x1b" not in text


def test_insights_say_so_when_the_stream_stands_still(own_sales_database: PostgresSettings) -> None:
    """Ten minutes without progress: the answers are old, and say it."""
    with (
        closing(connect(own_sales_database, application_name="test")) as connection,
        connection.transaction(),
    ):
        connection.execute(
            "update ops.stream_progress set as_of = %s", (datetime.now(UTC) - timedelta(minutes=10),)
        )

    assert "STANDS STILL" in as_text(read_insights(own_sales_database), currency="USD")
