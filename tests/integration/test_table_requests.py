"""What is asked of the lake's tables is done between two batches, and neither a row nor a cent changes."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import pytest
from psycopg.types.json import Jsonb

from include.errors import TableDamaged
from include.fault_points import Reach
from include.rebuild.comparison import Comparison
from include.sales_db import connect
from include.settings import LakeSettings, PostgresSettings
from include.table_requests import MOST_ATTEMPTS, Optimize, ReplaceHours, TableRequest, ask, read
from lake.reading import delta_table
from lake.tables import GOLD_ORDER_VALUE_MINUTE, SILVER_ORDERS, TABLES, shadow
from spark.batch.hour_comparison import compare_hours, read_ledger
from spark.batch.rebuild_hours import rebuild_hours
from spark.streaming.batch import BatchWriter
from spark.streaming.compaction import prove, shape
from spark.streaming.database import Database
from spark.streaming.ledger import record_generation
from spark.streaming.opening import verify_last_batch
from spark.streaming.table_check import verify_tables
from spark.streaming.table_requests import TableRequestDesk
from tests.batch_lake import EMAIL_KEY, Lake
from tests.orders import order

pytestmark = [pytest.mark.spark, pytest.mark.stack]

# The orders of tests/orders.py are placed at 11:50.
HOUR, NEXT_HOUR = datetime(2026, 11, 22, 11, tzinfo=UTC), datetime(2026, 11, 22, 12, tzinfo=UTC)
ELEVEN = {"shadow": "x", "since": "2026-11-22T11", "until": "2026-11-22T12", "up_to": 1}


class Crash(Exception):
    """Stands for the end of the process; nothing after it runs."""


def records_of(number: int) -> list:
    """
    Two new orders, one of them of the hour before; a repeat of an earlier one; one that contradicts it and
    claims the next hour; a broken record.
    """
    before = max(number - 1, 0)
    return [
        order(order_id=f"O-{number}"),
        order(order_id=f"P-{number}", ordered_at="2026-11-22T10:59:59Z"),
        order(order_id=f"O-{before}", event_id="E-9"),
        order(order_id=f"P-{before}"),
        "{}",
    ]


@pytest.fixture(scope="module")
def healthy(spark, tmp_path_factory, own_sales_database: PostgresSettings) -> Iterator[Lake]:
    """Batches 0 to 3. Requests change neither ledger nor live: all tests share one database."""
    with closing(connect(own_sales_database, application_name="test", autocommit=True)) as connection:
        lake = Lake(spark, tmp_path_factory.mktemp("healthy") / "lake", connection)
        record_generation(connection, lake.generation, reason="first start")
        for number in range(4):
            lake.write(number, records_of(number), 5 * number)
        yield lake


@pytest.fixture
def lake(healthy: Lake, tmp_path: Path) -> Lake:
    """A copy, to be damaged."""
    shutil.copytree(healthy.root, tmp_path / "lake")
    return Lake(healthy.spark, tmp_path / "lake", healthy.connection)


@pytest.fixture
def database(own_sales_database: PostgresSettings) -> Database:
    return Database(own_sales_database, application_name="test requests")


@pytest.fixture
def settings(lake: Lake, tmp_path: Path) -> LakeSettings:
    key = tmp_path / "key"
    key.write_text(EMAIL_KEY.hex())
    return LakeSettings(root=lake.root, email_hmac_key_file=key)


def desk(lake: Lake, database: Database, reach=lambda _: None) -> TableRequestDesk:
    writer = BatchWriter(lake.root, lake.generation, None, None, None, reach)
    return TableRequestDesk(lake.spark, writer, database, Lock())


def crash_at(step: str) -> Reach:
    def reach(reached: str) -> None:
        if reached == step:
            raise Crash

    return reach


def carried_out(lake: Lake, database: Database, what: Optimize | ReplaceHours) -> TableRequest:
    number = ask(lake.connection, what, by="test")
    assert desk(lake, database).carry_out_next()
    return read(lake.connection, number)


def rebuilt(lake: Lake, settings: LakeSettings, *, up_to: int = 3) -> ReplaceHours:
    what = ReplaceHours("test", HOUR, NEXT_HOUR, up_to)
    rebuild_hours(lake.spark, settings, what, [])
    return what


def compared(lake: Lake, what: ReplaceHours) -> Comparison:
    return compare_hours(lake.spark, lake.root, what, read_ledger(lake.connection, what))


def check_as_at_a_start(lake: Lake, database: Database) -> None:
    verify_tables(lake.root, lake.connection)
    verify_last_batch(lake.root, database)


def test_small_files_become_one_and_not_a_row_changes(lake, database):
    before = lake.content()
    for table in TABLES:
        done = carried_out(lake, database, Optimize(table))
        assert (done.state, done.detail) == ("done", "")
        assert done.result["files_before"] > done.result["files_after"]
        assert done.result["files_after"] == shape(table, lake.root).files
        assert done.result["content"].startswith(f"{done.result['rows']}:")
    assert lake.content() == before
    check_as_at_a_start(lake, database)


def test_other_content_than_before_is_found(lake):
    """As if compacting had lost an order, and had made up another one."""
    versions = [delta_table(SILVER_ORDERS, lake.root).version()]
    path = SILVER_ORDERS.path(lake.root)
    lake.spark.sql(f"update delta.`{path}` set country = 'FR' where order_id = 'O-1'")
    versions.append(delta_table(SILVER_ORDERS, lake.root).version())
    result = dict(zip(("version_before", "version_after"), versions, strict=True))
    with pytest.raises(TableDamaged, match=f"its content is not what it was.* Version {versions[0]} has it"):
        prove(lake.spark, lake.root, Optimize(SILVER_ORDERS), result)


def test_damaged_hours_are_swapped_while_orders_stream(lake, database, settings):
    """
    Silver lost an order and gold says too much. Batch 3 came after the rebuild and stays; the writer dies
    twice on the way.
    """
    before = lake.content()
    damage(lake)
    what = rebuilt(lake, settings, up_to=2)
    assert compared(lake, what).state == "different"

    number = ask(lake.connection, what, by="test")
    for step in ("after_hours_of_silver.orders", "after_hours_of_gold.product_sales_minute"):
        with pytest.raises(Crash):
            desk(lake, database, crash_at(step)).carry_out_next()
        assert read(lake.connection, number).state == "running"
    assert desk(lake, database).carry_out_next()

    done = read(lake.connection, number)
    assert (done.state, done.detail) == ("done", "")
    # An order of 21.50 in each of the four batches.
    found = {name: done.result[name] for name in ("hours", "orders", "revenue_cents")}
    assert found == {"hours": 1, "orders": 4, "revenue_cents": 4 * 2_150}
    assert lake.content() == before
    check_as_at_a_start(lake, database)


def test_equal_hours_may_be_swapped_too(lake, database, settings):
    before = lake.content()
    what = rebuilt(lake, settings)
    assert compared(lake, what).state == "equal"
    assert carried_out(lake, database, what).state == "done"
    assert lake.content() == before


def test_hours_that_differ_from_the_ledger_are_refused(lake, database, settings):
    """The rebuild has lost an order, as it would if bronze had."""
    what = rebuilt(lake, settings)
    lake.spark.sql(f"delete from delta.`{SILVER_ORDERS.path(shadow(lake.root, 'test'))}` where batch_id = 1")
    versions = [delta_table(table, lake.root).version() for table in TABLES]

    refused = carried_out(lake, database, what)
    assert refused.state == "failed"
    assert "2026-11-22T11 (3, 6450) instead of (4, 8600)" in refused.detail
    assert "No table was changed" in refused.detail
    assert versions == [delta_table(table, lake.root).version() for table in TABLES]


def test_a_rebuild_that_is_gone_is_refused(lake, database):
    refused = carried_out(lake, database, ReplaceHours("gone", HOUR, NEXT_HOUR, 2))
    assert refused.state == "failed"
    assert "shadow/gone" in refused.detail


@pytest.mark.parametrize(
    ("kind", "arguments", "finding"),
    [
        ("optimize", {"table": "silver.order"}, "silver.order"),
        ("optimize", {"table": "silver.orders", "days": ["2026-02-31"]}, "day is out of range"),
        ("optimize", {"table": "silver.orders", "days": ["2026-11-22' or true"]}, "Invalid isoformat"),
        ("replace_hours", {**ELEVEN, "since": "2026-11-22T11:30"}, "full hour"),
        ("replace_hours", {**ELEVEN, "shadow": "../x"}, "plain name"),
        ("replace_hours", {**ELEVEN, "until": "2026-11-22T11"}, "is not after"),
        ("replace_hours", {}, "since"),
    ],
)  # fmt: skip
def test_senseless_arguments_are_refused_by_name(lake, database, kind, arguments, finding):
    lake.connection.execute(
        "insert into ops.table_requests (kind, arguments, requested_by) values (%s, %s, 'test')",
        [kind, Jsonb(arguments)],
    )
    assert desk(lake, database).carry_out_next()
    row = lake.connection.execute(
        "select state, detail from ops.table_requests order by request_id desc limit 1"
    ).fetchone()
    assert row is not None
    assert row[0] == "failed"
    assert finding in row[1]


def test_a_request_that_ends_its_writer_is_given_up(lake, database):
    number = ask(lake.connection, Optimize(SILVER_ORDERS), by="test")
    deadly = desk(lake, database, crash_at("before_request_is_done"))
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(Crash):
            deadly.carry_out_next()
    assert deadly.carry_out_next()
    given_up = read(lake.connection, number)
    assert (given_up.state, given_up.attempts) == ("failed", MOST_ATTEMPTS + 1)
    assert "ended 3 times" in given_up.detail


def damage(lake: Lake) -> None:
    lake.spark.sql(f"delete from delta.`{SILVER_ORDERS.path(lake.root)}` where order_id = 'O-1'")
    gold = GOLD_ORDER_VALUE_MINUTE.path(lake.root)
    lake.spark.sql(
        f"update delta.`{gold}` set revenue_cents = revenue_cents + 1"
        " where batch_id = 2 and minute_utc >= timestamp'2026-11-22T11:00:00Z'"
    )
