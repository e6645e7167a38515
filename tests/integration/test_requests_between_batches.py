"""Requests and batches take turns: the stream goes on as if nobody had asked for anything."""

from threading import Lock

import pytest

from include.settings import PostgresSettings
from include.table_requests import Optimize, ask, read
from lake.tables import SILVER_ORDERS, TABLES
from spark.streaming.batch import BatchWriter
from spark.streaming.database import Database
from spark.streaming.table_requests import TableRequestDesk
from tests.batch_lake import Lake
from tests.orders import order

pytestmark = [pytest.mark.spark, pytest.mark.stack]


class Crash(Exception):
    """Stands for the end of the process; nothing after it runs."""


@pytest.fixture
def database(own_sales_database: PostgresSettings) -> Database:
    return Database(own_sales_database, application_name="test requests")


def write(lake: Lake, number: int, reach=lambda _: None) -> None:
    repeat = order(order_id=f"O-{max(number - 1, 0)}", event_id="E-9")
    lake.write(number, [order(order_id=f"O-{number}"), repeat, "{}"], 3 * number, reach)


def carry_out_next(lake: Lake, database: Database) -> bool:
    writer = BatchWriter(lake.root, lake.generation, None, None, None)
    return TableRequestDesk(lake.spark, writer, database, Lock()).carry_out_next()


def test_the_stream_goes_on_after_compaction(new_lake, database):
    undisturbed = new_lake("undisturbed")
    for number in range(3):
        write(undisturbed, number)
    expected = undisturbed.content()

    lake = new_lake("compacted")
    write(lake, 0)
    write(lake, 1)
    for table in TABLES:
        ask(lake.connection, Optimize(table), by="test")
    for _ in TABLES:
        assert carry_out_next(lake, database)
    write(lake, 1)  # whose close was not noted by Spark
    write(lake, 2)
    assert lake.content() == expected


def test_nothing_is_done_while_a_batch_is_open(new_lake, database):
    """Its rows are not in the ledger yet: the next start could not tell them from others."""
    lake = new_lake("open")
    write(lake, 0)

    def crash(reached: str) -> None:
        if reached == "before_close":
            raise Crash

    with pytest.raises(Crash):
        write(lake, 1, crash)
    number = ask(lake.connection, Optimize(SILVER_ORDERS), by="test")
    assert not carry_out_next(lake, database)
    assert read(lake.connection, number).state == "waiting"

    write(lake, 1)
    assert carry_out_next(lake, database)
    assert read(lake.connection, number).state == "done"
