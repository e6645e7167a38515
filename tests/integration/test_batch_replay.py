"""A batch that dies after any of its steps is completed by its replay, and nothing is there twice."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyspark.sql import DataFrame, SparkSession

from include.errors import LedgerImbalance
from include.fault_points import STEPS
from include.sales_db import connect
from include.settings import PostgresSettings
from lake.tables import GOLD_ORDER_VALUE_MINUTE, SILVER_ORDERS, TABLES, Table, checkpoint, order_index
from spark.streaming import batch
from spark.streaming.batch import BatchWriter
from spark.streaming.closing import close_batch
from spark.streaming.delta_log import ensure_table
from spark.streaming.generation import QUERY, Generation, begin_generation
from spark.streaming.order_index import OrderIndex
from spark.streaming.plan import read_plan
from spark.transforms.orders import judged_orders
from tests.orders import kafka_records, order

pytestmark = [pytest.mark.spark, pytest.mark.stack]

RULES = {"reporting_currency": "USD", "late_after_minutes": 60, "email_key": b"k" * 32}
FIRST = [order(), order(event_id="E-2"), order(total_cents=1), order(order_id="O-2"), "{}"]
SECOND = [
    order(event_id="E-3"),
    order(order_id="O-2", customer_id="C-9"),
    order(order_id="O-3", country="FR"),
]


class Crash(Exception):
    """Stands for the end of the process; nothing after it runs."""


def crash_at(point: str) -> Callable[[str], None]:
    def reach(step: str) -> None:
        if step == point:
            raise Crash(step)

    return reach


class Lake:
    """A lake of its own, written batch by batch without Kafka in front."""

    def __init__(self, spark: SparkSession, root: Path, connection: psycopg.Connection) -> None:
        self.spark, self.root, self.connection = spark, root, connection
        for table in TABLES:
            ensure_table(spark, table, root)
        self.generation: Generation = begin_generation(
            root, topic="orders.v1", topic_id="t", first_batch_id=0, starting_offsets={0: 0}, email_key="k"
        )
        self._ends: list[int] = []

    def plan(self, number: int, end: int) -> None:
        folder = checkpoint(self.root, QUERY) / "offsets"
        folder.mkdir(exist_ok=True)
        (folder / str(number)).write_text(
            f'v1\n{{"batchTimestampMs": 1000}}\n{json.dumps({"orders.v1": {"0": end}})}'
        )

    def write(self, number: int, records: list[Any], first_offset: int, reach=lambda _: None) -> None:
        """One try at a batch, by a driver that has just started."""
        self.plan(number, first_offset + len(records))
        rows = kafka_records(self.spark, *records, first_offset=first_offset)
        index = OrderIndex(order_index(self.root))
        with closing(index):
            writer = BatchWriter(
                self.root,
                self.generation,
                index,
                lambda done, reach: close_batch(self.connection, done, reach),
                reach,
            )
            plan = read_plan(self.root, self.generation, number)
            writer.write(rows.transform(judged_orders, **RULES), plan)

    def rows(self, table: Table) -> DataFrame:
        return self.spark.read.format("delta").load(str(table.path(self.root)))

    def content(self) -> dict[str, Any]:
        """Every row of the lake and of the database."""
        in_lake = {t.full_name: sorted(map(str, self.rows(t).collect())) for t in TABLES}
        in_database = {name: sorted(self.connection.execute(QUERIES[name]).fetchall()) for name in QUERIES}
        return in_lake | in_database


QUERIES = {
    "ledger": "select partition, start_offset, end_offset, read_rows, read_cents, silver_rows, silver_cents,"
    " duplicate_rows, duplicate_cents, quarantined_rows, quarantined_cents, batch_id from ops.ledger",
    "hours": "select * from ops.hour_ledger",
    "products": "select * from live.product_sales_minute",
    "values": "select * from live.order_value_minute",
}


@pytest.fixture
def connection(own_sales_database: PostgresSettings) -> Iterator[psycopg.Connection]:
    with closing(connect(own_sales_database, application_name="test", autocommit=True)) as connection:
        yield connection


@pytest.fixture
def new_lake(spark, tmp_path, connection, own_postgres_server) -> Iterator[Callable[[str], Lake]]:
    superuser = own_postgres_server.as_superuser("sales")
    with closing(connect(superuser, application_name="test", autocommit=True)) as owner:

        def make(name: str) -> Lake:
            owner.execute(
                "truncate ops.ledger, ops.hour_ledger, live.product_sales_minute, live.order_value_minute,"
                " live.products"
            )
            return Lake(spark, tmp_path / name, connection)

        yield make


def records_of(number: int) -> list[Any]:
    """A new order, a repeat and a contradiction of the one before, a broken record."""
    before = f"O-{number - 1}"
    return [
        order(order_id=f"O-{number}"),
        order(order_id=before, event_id="E-9"),
        order(order_id=before, customer_id="C-9"),
        "{}",
    ]


def test_any_step_may_be_the_last(new_lake):
    """Each batch dies after another step and is replayed: all hold exactly what an undisturbed run holds."""
    undisturbed = new_lake("undisturbed")
    for number in range(len(STEPS)):
        undisturbed.write(number, records_of(number), 4 * number)
    expected = undisturbed.content()

    disturbed = new_lake("disturbed")
    for number, step in enumerate(STEPS):
        with pytest.raises(Crash, match=step):
            disturbed.write(number, records_of(number), 4 * number, crash_at(step))
        disturbed.write(number, records_of(number), 4 * number)
    assert disturbed.content() == expected


def test_the_books_of_two_batches(new_lake, connection):
    """Rows and cents of every disposition, as the ledger has them."""
    lake = new_lake("books")
    lake.write(0, FIRST, 0)
    lake.write(1, SECOND, len(FIRST))

    found = connection.execute(
        "select batch_id, start_offset, end_offset, read_rows, read_cents::bigint, silver_rows,"
        " silver_cents::bigint,"
        " duplicate_rows, quarantined_rows from ops.ledger order by batch_id"
    ).fetchall()
    assert found == [(0, 0, 5, 5, 6_451, 2, 4_300, 1, 2), (1, 5, 8, 3, 6_450, 1, 2_150, 1, 1)]


def test_a_lost_gold_row_stops_the_stream(new_lake, connection, monkeypatch):
    """
    The books are read from the files, so a write that lost something is found before the batch is closed.
    """

    def lossy(rows, table, root, **identity):
        kept = rows.slice(0, 1) if table is GOLD_ORDER_VALUE_MINUTE else rows
        original(kept, table, root, **identity)

    original = batch.append_arrow
    monkeypatch.setattr(batch, "append_arrow", lossy)
    lake = new_lake("lossy")
    records = [order(), order(order_id="O-2", channel="store")]

    with pytest.raises(LedgerImbalance, match=r"orders in silver, in gold\.order_value_minute are 2 and 1"):
        lake.write(0, records, 0)

    assert lake.rows(SILVER_ORDERS).count() == 2
    assert connection.execute("select count(*) from ops.ledger").fetchone() == (0,)
