"""The logs of the tables stay short, and every engine reads them, though Spark commits next to nothing."""

import os
import time
from pathlib import Path

import pytest
from deltalake.exceptions import DeltaError

from include.table_files import last_checkpoint
from include.table_requests import Optimize
from lake.reading import delta_table
from lake.tables import SILVER_ORDERS, TABLES
from spark.streaming import delta_log
from spark.streaming.compaction import optimize
from spark.streaming.delta_log import FORMER_RETENTIONS, LOG_RETENTION, HeldTables, ensure_table
from tests.orders import order

pytestmark = [pytest.mark.spark, pytest.mark.stack]


def test_a_log_gets_its_checkpoints(new_lake, monkeypatch):
    """And Spark goes on from one: it reads every batch, VARIANT too, compacts, and so do the next batches."""
    monkeypatch.setitem(delta_log.TABLE_PROPERTIES, "delta.checkpointInterval", "2")
    lake = new_lake("lake")
    for number in range(4):
        lake.write(number, [order(order_id=f"O-{number}", coupon=number), "{}"], 2 * number)
    # Versions 1 to 4 are batches. delta-rs counts from the first commit, that made the table: 1, 3.
    found = {table.full_name: last_checkpoint(table.path(lake.root) / "_delta_log") for table in TABLES}
    assert found == {table.full_name: 3 for table in TABLES}
    before = lake.content()
    assert len(before["silver.orders"]) == 4

    lake.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    assert lake.content() == before
    done = optimize(lake.spark, lake.root, Optimize(SILVER_ORDERS))
    assert (done["files_before"], done["files_after"]) == (4, 1)
    assert lake.content() == before

    lake.write(4, [order(order_id="O-4"), order(order_id="O-0", customer_id="C-9")], 8)
    found = lake.content()
    assert (len(found["silver.orders"]), len(found["silver.rejected"])) == (5, 5)
    assert delta_table(SILVER_ORDERS, lake.root).to_pyarrow_dataset().count_rows() == 5


def test_what_was_compacted_is_not_written_again(new_lake):
    """As the lake writer's session says: only files below a size become few."""
    lake = new_lake("lake")
    for number in range(3):
        lake.write(number, [order(order_id=f"O-{number}")], number + 1)
    optimize(lake.spark, lake.root, Optimize(SILVER_ORDERS))
    (large,) = delta_table(SILVER_ORDERS, lake.root).file_uris()
    for number in range(3, 6):
        lake.write(number, [order(order_id=f"O-{number}")], number + 1)
    setting = "spark.databricks.delta.optimize.minFileSize"
    lake.spark.conf.set(setting, str(Path(large).stat().st_size))
    try:
        optimize(lake.spark, lake.root, Optimize(SILVER_ORDERS))
    finally:
        lake.spark.conf.unset(setting)
    left = delta_table(SILVER_ORDERS, lake.root).file_uris()
    assert len(left) == 2
    assert large in left


def commits(lake, table=SILVER_ORDERS) -> list[Path]:
    return sorted((table.path(lake.root) / "_delta_log").glob("[0-9]*.json"))


def test_a_log_keeps_half_an_hour(new_lake, monkeypatch):
    """A commit lists it whole: what is older goes with the next checkpoint, and no row with it."""
    monkeypatch.setitem(delta_log.TABLE_PROPERTIES, "delta.checkpointInterval", "4")
    lake = new_lake("lake")
    for number in range(5):
        lake.write(number, [order(order_id=f"O-{number}")], number + 1)
    for commit in commits(lake)[:-1]:
        os.utime(commit, (time.time() - 1_900, time.time() - 1_900))
    for number in range(5, 9):
        lake.write(number, [order(order_id=f"O-{number}")], number + 1)
    kept = [int(commit.stem) for commit in commits(lake)]
    assert min(kept) > 0
    assert kept == list(range(min(kept), 10))
    assert len(lake.content()["silver.orders"]) == 9
    lake.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    assert lake.spark.read.format("delta").load(str(SILVER_ORDERS.path(lake.root))).count() == 9


@pytest.mark.parametrize("former", FORMER_RETENTIONS)
def test_a_log_of_before_is_shortened(new_lake, monkeypatch, former):
    """Tables kept more of it; a time that somebody chose stays."""
    monkeypatch.setitem(delta_log.TABLE_PROPERTIES, LOG_RETENTION, former)
    lake = new_lake("lake")
    other = TABLES[0]
    assert other is not SILVER_ORDERS
    chosen = f"set tblproperties ('{LOG_RETENTION}' = 'interval 2 days')"
    lake.spark.sql(f"alter table delta.`{other.path(lake.root)}` {chosen}")
    monkeypatch.undo()
    for _ in range(2):  # twice is once
        for table in (SILVER_ORDERS, other):
            ensure_table(lake.spark, table, lake.root)
    held = {table: delta_table(table, lake.root) for table in (SILVER_ORDERS, other)}
    assert held[SILVER_ORDERS].metadata().configuration[LOG_RETENTION] == "interval 30 minutes"
    assert held[SILVER_ORDERS].version() == 1
    assert held[other].metadata().configuration[LOG_RETENTION] == "interval 2 days"


def test_a_held_table_sees_what_others_did_to_it(new_lake):
    """A compaction between two batches; and one that cannot catch up is opened anew."""
    lake = new_lake("lake")
    tables = HeldTables(lake.root)
    for number in range(3):
        lake.write(number, [order(order_id=f"O-{number}")], number + 1)
        assert tables.newest(SILVER_ORDERS).version() == number + 1
    optimize(lake.spark, lake.root, Optimize(SILVER_ORDERS))
    assert len(tables.newest(SILVER_ORDERS).file_uris()) == 1
    assert tables.newest(SILVER_ORDERS) is tables.newest(SILVER_ORDERS)

    broken = commits(lake)[-1]
    newer = broken.with_name(f"{int(broken.stem) + 1:020}.json")
    newer.write_text("{")
    with pytest.raises(DeltaError, match="Json"):
        tables.newest(SILVER_ORDERS)
    newer.unlink()
    assert tables.newest(SILVER_ORDERS).version() == 4
