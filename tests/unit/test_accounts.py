"""The books of a batch: they balance, or the stream stops."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from include.errors import LedgerImbalance
from spark.streaming.accounts import Books, Sums, balanced_ledger, sums, total
from spark.streaming.generation import Generation
from spark.streaming.plan import BatchPlan

GENERATION = Generation("6f9619ff-8b86-4d01-b42d-00c04fc964ff", "orders.v1", "t", 0, {0: 0, 1: 0}, "k")
PLAN = BatchPlan(4, datetime(2026, 11, 22, tzinfo=UTC), start={0: 10, 1: 20}, end={0: 13, 1: 20})

READ = Sums(Counter({0: 3}), Counter({0: 600}))
BOOKS = Books(
    bronze_rows=Counter({0: 3}),
    silver=Sums(Counter({0: 1}), Counter({0: 100})),
    duplicates=Sums(Counter({0: 1}), Counter({0: 200})),
    quarantined=Sums(Counter({0: 1}), Counter({0: 300})),
    line_cents=90,
    gold_orders=1,
    gold_order_cents=100,
    gold_product_cents=90,
)


def ledger(read: Sums = READ, books: Books = BOOKS):
    return balanced_ledger(read, books, GENERATION, PLAN)


def test_balanced_books_make_one_row_per_partition_with_records():
    """Partition 1 had none."""
    (row,) = ledger()
    assert (row.partition, row.start_offset, row.end_offset) == (0, 10, 13)
    assert row.read_cents == row.silver_cents + row.duplicate_cents + row.quarantined_cents


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"bronze_rows": Counter({0: 2})}, "read rows, in bronze are 3 and 2"),
        ({"silver": Sums(Counter(), Counter())}, "read rows, in silver and rejected are 3 and 2"),
        (
            {"duplicates": Sums(Counter({0: 1}), Counter({0: 201}))},
            "read cents, in silver and rejected are 600",
        ),
        ({"gold_orders": 2}, "orders in silver, in gold.order_value_minute are 1 and 2"),
        ({"gold_order_cents": 99}, "cents in silver, in gold.order_value_minute are 100 and 99"),
        ({"gold_product_cents": 91}, "line cents in silver, in gold.product_sales_minute are 90 and 91"),
    ],
)
def test_a_row_or_a_cent_too_few_or_too_many_stops_the_stream(change, named):
    """And the error says where."""
    with pytest.raises(LedgerImbalance, match=named):
        ledger(books=replace(BOOKS, **change))


def test_sums_are_exact_beyond_64_bits():
    """Bad records may claim anything."""
    assert total(pa.chunked_array([[2**62] * 4])) == 2**64


def test_sums_take_a_missing_claim_as_nothing():
    """A record that cannot be read claims nothing, and still is a row."""
    rows = pa.table({"partition": [0, 0, 1], "amount_cents": [None, 5, None]})
    found = sums(rows, "amount_cents")
    assert (dict(found.rows), dict(found.cents)) == ({0: 2, 1: 1}, {0: 5, 1: 0})
