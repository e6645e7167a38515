"""The logs of the tables stay short, and every engine reads them, though Spark commits next to nothing."""

import pytest

from include.table_files import last_checkpoint
from include.table_requests import Optimize
from lake.reading import delta_table
from lake.tables import SILVER_ORDERS, TABLES
from spark.streaming import delta_log
from spark.streaming.compaction import optimize
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
