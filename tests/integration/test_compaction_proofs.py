"""A compaction is held against what was before it, whoever dies on the way."""

from contextlib import contextmanager
from threading import Event, Lock

import pytest

from include.settings import PostgresSettings
from include.table_requests import Optimize, ask, read
from lake.reading import delta_table
from lake.tables import SILVER_ORDERS
from spark.streaming.batch import BatchWriter
from spark.streaming.database import Database
from spark.streaming.delta_log import LOG_RETENTION, ensure_table
from spark.streaming.table_requests import TableRequestDesk
from tests.batch_lake import Lake
from tests.draining import Crash
from tests.orders import order

pytestmark = [pytest.mark.spark, pytest.mark.stack]


@pytest.fixture
def lake(new_lake) -> Lake:
    """Three batches: three small files a table."""
    lake = new_lake("lake")
    for number in range(3):
        lake.write(number, [order(order_id=f"O-{number}")], number)
    return lake


@pytest.fixture
def database(own_sales_database: PostgresSettings) -> Database:
    return Database(own_sales_database, application_name="test requests")


def desk(lake: Lake, database: Database, *busy) -> TableRequestDesk:
    writer = BatchWriter(lake.root, lake.generation, None, None, None, lambda _: None)
    return TableRequestDesk(lake.spark, writer, database, Lock(), *busy)


def test_a_compaction_that_changed_something_keeps_what_was_before(lake, database, monkeypatch):
    """Half an hour later its log would be gone, and nobody could read the version that the error names."""

    def damage(*_, **__):
        path = SILVER_ORDERS.path(lake.root)
        before = delta_table(SILVER_ORDERS, lake.root).version()
        lake.spark.sql(f"update delta.`{path}` set country = 'FR' where order_id = 'O-1'")
        return {"version_before": before, "version_after": before + 1}

    monkeypatch.setattr("spark.streaming.table_requests.optimize", damage)
    number = ask(lake.connection, Optimize(SILVER_ORDERS), by="test")
    assert desk(lake, database).carry_out_next()
    done = read(lake.connection, number)
    assert done.state == "failed"
    assert "its content is not what it was" in done.detail
    for _ in range(2):  # as at the next start
        kept = delta_table(SILVER_ORDERS, lake.root).metadata().configuration[LOG_RETENTION]
        assert kept == "interval 30 days"
        ensure_table(lake.spark, SILVER_ORDERS, lake.root)


@pytest.mark.parametrize("in_between", [False, True], ids=["at once", "after a batch"])
def test_a_compaction_is_proven_by_the_next_writer_when_one_died_at_it(
    lake, database, monkeypatch, in_between
):
    """Nothing is left to compact then, and what was done had not been looked at."""
    number = ask(lake.connection, Optimize(SILVER_ORDERS), by="test")

    def die(*_):
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr("spark.streaming.table_requests.prove", die)
        with pytest.raises(Crash):
            desk(lake, database).carry_out_next()
    compacted = delta_table(SILVER_ORDERS, lake.root).version()
    rows = 3
    if in_between:
        lake.write(3, [order(order_id="O-3")], 3)
        rows = 4
    assert desk(lake, database).carry_out_next()
    done = read(lake.connection, number)
    assert (done.state, done.attempts) == ("done", 2)
    assert done.result["earlier_versions"] == [compacted - 1, compacted]
    assert done.result["content"].startswith("3:")
    assert done.result["rows"] == rows


def test_a_request_under_which_spark_is_stopped_is_begun_again(lake, database, monkeypatch):
    """An ordinary stop ends the proof, too: that is no failure."""
    number = ask(lake.connection, Optimize(SILVER_ORDERS), by="test")
    stop, busy = Event(), []

    def stopped(*_):
        stop.set()
        raise OSError("SparkContext was shut down")

    @contextmanager
    def noted(with_what):
        busy.append(with_what)
        yield

    with monkeypatch.context() as patched:
        patched.setattr("spark.streaming.table_requests.prove", stopped)
        desk(lake, database, noted).serve(stop)
    assert read(lake.connection, number).state == "running"
    assert busy == [f"table request {number} (optimize)"]
    assert desk(lake, database).carry_out_next()
    assert read(lake.connection, number).state == "done"
