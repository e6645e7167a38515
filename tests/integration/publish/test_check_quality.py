"""What check_quality finds in hours of the lake, against a real PostgreSQL and real Delta tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from include.errors import GateFailed, QualityFailed
from include.quality.check import Report, check, last_closed_hour
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, SILVER_REJECTED
from tests.integration.publish.publishing import HOUR, LATER, rows, two_orders
from tests.lake_double import LakeDouble, silver_order

pytestmark = pytest.mark.stack

NOON = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def arrived(offset: int, **changes: Any) -> dict[str, Any]:
    """A row of bronze, and what rejected has of it besides."""
    return {
        "value": b"{}", "key": None, "topic": "orders.v1", "partition": 0, "offset": offset,
        "kafka_timestamp": NOON, "headers": None, "ingested_at": NOON, "batch_id": 0, "date_utc": NOON.date(),
        "disposition": "quarantined", "reasons": ["not_json"], "order_id": None, "amount_cents": None,
        **changes,
    }  # fmt: skip


@pytest.fixture
def checked(lake: LakeDouble) -> LakeDouble:
    """Two orders of hour 10 that arrived within hour 12, and a broken record with them."""
    lake.batch(two_orders(), LATER)
    lake.append(BRONZE_ORDERS, [arrived(offset) for offset in range(3)])
    lake.append(SILVER_REJECTED, [arrived(2)])
    lake.connection.execute(
        "update ops.ledger set read_rows = 3, end_offset = 3, quarantined_rows = 1, closed_at = %s", (NOON,)
    )
    return lake


def look(lake: LakeDouble, *hours: datetime) -> Report:
    return check(lake.connection, lake.root, hours, "check-1", 10)


def verdicts(report: Report) -> dict[tuple[str, int], bool]:
    return {(one.table, one.hour.hour): one.success for one in report.verdicts}


def test_five_tables_are_looked_at_and_recorded(checked: LakeDouble) -> None:
    """By arrival in bronze and rejected, by order time in silver and gold; an hour may have neither."""
    report = look(checked, HOUR, NOON.replace(minute=0))

    report.raise_for_failures()
    assert set(verdicts(report).values()) == {True}
    assert len(report.verdicts) == 10
    recorded = rows(checked.connection, "select count(*), bool_and(success) from ops.quality_results")
    assert recorded == [(10, True)]
    assert report.as_xcom()["headline"].startswith("2 hours, 10 looks at tables:")


def test_a_record_missing_in_bronze_fails_the_hour_it_arrived_in(checked: LakeDouble) -> None:
    """The ledger counted four, bronze has three; the hour of the orders is good."""
    checked.connection.execute("update ops.ledger set read_rows = 4, end_offset = 4, quarantined_rows = 2")

    report = look(checked, HOUR, NOON.replace(minute=0))

    bad = [key for key, success in verdicts(report).items() if not success]
    assert bad == [("bronze.orders", 12), ("silver.rejected", 12)]
    with pytest.raises(QualityFailed, match=r"bronze\.orders, hour 2026-11-22T12:00Z.*`due_rows`"):
        report.raise_for_failures()


def test_an_order_that_the_ledger_does_not_know_fails_its_hour(checked: LakeDouble) -> None:
    """One in silver that gold and ledger do not have."""
    checked.append(SILVER_ORDERS, [silver_order("O-9", HOUR, batch_id=0, offset=9)])

    found = verdicts(look(checked, HOUR, HOUR + timedelta(hours=1)))

    assert [key for key, success in found.items() if not success] == [
        ("gold.product_sales_minute", 10), ("silver.orders", 10),
    ]  # fmt: skip


def test_nobody_named_an_hour(checked: LakeDouble) -> None:
    """Then it is the last one that the stream has read past, with its grace."""
    assert {one.hour for one in look(checked).verdicts} == {LATER - timedelta(hours=2)}
    assert last_closed_hour(HOUR + timedelta(minutes=69), 10) == HOUR - timedelta(hours=1)
    assert last_closed_hour(HOUR + timedelta(minutes=70), 10) == HOUR


def test_a_lake_that_is_not_there_is_no_good_lake(lake: LakeDouble) -> None:
    """Bronze is missing: nothing was looked at."""
    lake.batch(two_orders(), LATER)
    with pytest.raises(GateFailed, match=r"bronze\.orders"):
        look(lake, HOUR)


def test_results_are_only_added(connection: psycopg.Connection) -> None:
    """A history: the loader may not change what was found."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from ops.quality_results")
