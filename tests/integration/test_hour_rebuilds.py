"""Hours rebuilt, compared, approved and swapped: what was approved is what is swapped, or nothing is."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Lock, Thread

import pytest

from include.errors import RebuildRefused
from include.publish.owed import owed_hours
from include.rebuild.comparison import Comparison
from include.rebuild.record import Rebuild, read, record
from include.rebuild.swap import swap
from include.sales_db import connect
from include.settings import LakeSettings, PostgresSettings
from include.table_requests import ReplaceHours, full_hour
from lake.reading import delta_table
from lake.tables import GOLD_ORDER_VALUE_MINUTE, SILVER_ORDERS, TABLES, shadow
from spark.batch.hour_comparison import compare_hours, read_ledger
from spark.batch.rebuild_hours import rebuild_hours
from spark.streaming.batch import BatchWriter
from spark.streaming.database import Database
from spark.streaming.table_requests import TableRequestDesk
from tests.batch_lake import EMAIL_KEY, Lake
from tests.orders import order

pytestmark = [pytest.mark.spark, pytest.mark.stack]

# The orders of tests/orders.py are placed at 11:50.
SINCE, UNTIL = full_hour("2026-11-22T10"), full_hour("2026-11-22T12")
ELEVEN = full_hour("2026-11-22T11")
WHAT = ReplaceHours("test", SINCE, UNTIL, up_to=1)


@pytest.fixture
def lake(new_lake) -> Lake:
    """Three batches with an order in each of two hours; the third comes after the rebuild."""
    lake = new_lake("lake")
    for number in range(3):
        early = order(order_id=f"P-{number}", ordered_at="2026-11-22T10:59:59Z")
        lake.write(number, [order(order_id=f"O-{number}"), early], 2 * number)
    return lake


@pytest.fixture
def settings(lake: Lake, tmp_path: Path) -> LakeSettings:
    key = tmp_path / "key"
    key.write_text(EMAIL_KEY.hex())
    return LakeSettings(root=lake.root, email_hmac_key_file=key)


@pytest.fixture
def writer(lake: Lake, own_sales_database: PostgresSettings) -> Iterator[None]:
    """Carries requests out, as a lake writer between two batches."""
    stop, database = Event(), Database(own_sales_database, application_name="test requests")
    writer = BatchWriter(lake.root, lake.generation, None, None, None)
    desk = TableRequestDesk(lake.spark, writer, database, Lock())
    thread = Thread(target=desk.serve, args=[stop])
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.fixture
def connecting(own_sales_database: PostgresSettings):
    return lambda: closing(connect(own_sales_database, application_name="test", autocommit=True))


def damage(lake: Lake) -> None:
    """Silver lost an order of eleven o'clock, and gold moved a cent from one batch to another."""
    lake.spark.sql(f"delete from delta.`{SILVER_ORDERS.path(lake.root)}` where order_id = 'O-1'")
    move = "case when batch_id = 0 then 1 else -1 end"
    lake.spark.sql(
        f"update delta.`{GOLD_ORDER_VALUE_MINUTE.path(lake.root)}` set revenue_cents = revenue_cents + {move}"
        " where batch_id < 2 and minute_utc >= timestamp'2026-11-22T11:00:00Z'"
    )


def rebuilt(lake: Lake, settings: LakeSettings) -> Rebuild:
    """Rebuilt, compared and recorded, as the Spark job does it."""
    rebuild_hours(lake.spark, settings, WHAT, [])
    return compared(lake)


def compared(lake: Lake) -> Rebuild:
    found = compare_hours(lake.spark, lake.root, WHAT, read_ledger(lake.connection, WHAT))
    record(lake.connection, WHAT.shadow, (SINCE, UNTIL), WHAT.up_to, "test", found)
    return read(lake.connection, WHAT.shadow)


def versions(lake: Lake) -> list[int]:
    return [delta_table(table, lake.root).version() for table in TABLES]


def requests(lake: Lake) -> list[tuple[str, str]]:
    return lake.connection.execute(
        "select state, arguments ->> 'since' from ops.table_requests order by request_id"
    ).fetchall()


def of_eleven(found: Comparison, table: str) -> tuple[tuple[int, int], ...]:
    (difference,) = found.differences
    assert difference.hour == ELEVEN
    held = difference.tables[table]
    return held.rows, held.cents, held.only


def test_the_hour_that_differs_is_swapped_and_no_other(lake, settings, writer, connecting):
    """Compared hour by hour; a batch that came after the rebuild stays as it is."""
    before = lake.content()
    damage(lake)

    rebuild = rebuilt(lake, settings)
    assert rebuild.state == "different"
    found = rebuild.compared
    assert (found.hours, found.orders, found.revenue_cents, found.against_ledger) == (2, 4, 4 * 2_150, [])
    assert of_eleven(found, "silver.orders") == ((1, 2), (2_150, 4_300), (0, 1))
    # The sums of the hour are right, its rows are not.
    assert of_eleven(found, "gold.order_value_minute") == ((2, 2), (4_300, 4_300), (2, 2))
    assert of_eleven(found, "gold.product_sales_minute")[2] == (0, 0)
    assert [(one.side, one.row["order_id"]) for one in found.samples[:1]] == [("rebuild", "O-1")]

    (done,) = swap(connecting, rebuild, by="test", hour_seconds=400)
    assert done.hour == ELEVEN
    assert requests(lake)[-1] == ("done", ELEVEN.isoformat())
    assert lake.content() == before
    assert compared(lake).state == "equal"


def test_a_swap_goes_on_where_it_ended(lake, settings, writer, connecting):
    """Done again with the same answer: the hour that is swapped is not asked for once more."""
    damage(lake)
    rebuild = rebuilt(lake, settings)
    swap(connecting, rebuild, by="test", hour_seconds=400)
    asked = requests(lake)
    assert [one.hour for one in swap(connecting, rebuild, by="test", hour_seconds=400)] == [ELEVEN]
    assert requests(lake) == asked
    swap(connecting, rebuild, by="another run", hour_seconds=400)
    assert len(requests(lake)) == len(asked) + 1


def test_a_swapped_hour_is_to_be_published(lake, settings, writer, connecting):
    """The ledger has nothing new; the marts would never learn of it."""
    damage(lake)
    assert owed_hours(lake.connection) == {}
    swap(connecting, rebuilt(lake, settings), by="ann", hour_seconds=400)
    owed = owed_hours(lake.connection)
    assert [(hour, one.reason) for hour, one in owed.items()] == [(ELEVEN, "rebuilt from bronze, by ann")]


def test_what_is_no_longer_as_approved_is_not_swapped(lake, settings, writer, connecting):
    """Between the comparison and the approval somebody changed the hour again."""
    damage(lake)
    rebuild = rebuilt(lake, settings)
    lake.spark.sql(f"delete from delta.`{SILVER_ORDERS.path(lake.root)}` where order_id = 'O-0'")
    held = versions(lake)

    with pytest.raises(RebuildRefused, match=r"now there are 0:0+ .*compare them again"):
        swap(connecting, rebuild, by="test", hour_seconds=400)
    assert versions(lake) == held


def test_a_rebuild_that_contradicts_the_ledger_is_found_before_anybody_is_asked(lake, settings):
    """As if bronze had lost an order: the sums of the hour are not those that were closed."""
    rebuild_hours(lake.spark, settings, WHAT, [])
    rows = SILVER_ORDERS.path(shadow(lake.root, WHAT.shadow))
    lake.spark.sql(f"delete from delta.`{rows}` where order_id = 'O-0'")

    rebuild = compared(lake)
    assert rebuild.state == "contradicts"
    assert rebuild.compared.against_ledger == [
        "silver.orders of 2026-11-22T11: (2, 4300) orders and cents instead of (3, 6450)"
    ]
