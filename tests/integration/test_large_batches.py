"""Large records are judged for themselves, many of them left in Spark, and the lake holds the same."""

import pytest

from spark.streaming import judging
from spark.streaming.large_batch import SparkRecords
from tests.orders import order, value_of

pytestmark = [pytest.mark.spark, pytest.mark.stack]

BATCHES = [
    [order(), order(order_id="O-2", coupon={"code": "X", "cents": [1, 2.5, None]}), "{}", None, b"\xff"],
    [order(event_id="E-2"), order(order_id="O-2", customer_id="C-9"), order(order_id="O-3", note="é")],
    ["[]"],  # nothing for silver or gold
    [order(order_id="O-4")],  # nothing for rejected
]


def written(lake) -> dict:
    offset = 0
    for number, records in enumerate(BATCHES):
        lake.write(number, records, offset)
        offset += len(records)
    return lake.content()


def test_large_records_are_written_the_same(new_lake, monkeypatch):
    """Apart or in Spark: row for row in every table, VARIANT and bytes included, and in the database."""
    as_always = written(new_lake("as_always"))
    assert len(as_always["silver.orders"]) == 4
    # The orders with a field more are large, the others are not.
    monkeypatch.setattr(judging, "LARGE_RECORD_BYTES", len(value_of(order(customer_id="C-999"))))
    assert written(new_lake("apart")) == as_always
    monkeypatch.setattr(judging, "LARGE_RECORDS_BYTES", 0)
    assert written(new_lake("in_spark")) == as_always


def test_many_large_records_leave_their_batch_in_spark(new_lake, monkeypatch):
    """Whatever it is that is large; the next batch is Arrow's again."""
    batches = []
    kept = SparkRecords.kept

    def noted(judged, plan):
        batches.append(plan.batch_id)
        return kept(judged, plan)

    monkeypatch.setattr(SparkRecords, "kept", noted)
    large = "x" * judging.LARGE_RECORD_BYTES
    monkeypatch.setattr(judging, "LARGE_RECORDS_BYTES", int(1.5 * len(large)))
    lake = new_lake("lake")
    lake.write(0, [order(), order(order_id="O-2", note=large), large], 0)
    lake.write(1, [order(order_id="O-3"), large], 3)
    lake.write(2, [order(order_id="O-4"), order(order_id="O-2", note=large[:-1_000])], 5)
    assert batches == [0]
    found = lake.content()
    assert {name: len(found[name]) for name in ("bronze.orders", "silver.orders", "silver.rejected")} == {
        "bronze.orders": 7,
        "silver.orders": 4,
        "silver.rejected": 3,
    }
