"""
The books of one batch: what Kafka gave against what the files of the tables really hold.

"Read" comes from the records as they arrived; everything else is read back from the committed files by
another engine than the one that wrote them. A batch whose books do not balance is not closed, and the
stream stops.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import LedgerImbalance
from lake.contract import DUPLICATE, QUARANTINED
from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
)
from spark.streaming.closing import LedgerRow
from spark.streaming.delta_log import read_back
from spark.streaming.generation import Generation
from spark.streaming.plan import BatchPlan


@dataclass(slots=True)
class Sums:
    """Rows and cents by Kafka partition."""

    rows: Counter[int] = field(default_factory=Counter)
    cents: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Books:
    """What the files of one batch hold."""

    bronze_rows: Counter[int]
    silver: Sums
    duplicates: Sums
    quarantined: Sums
    line_cents: int  # of silver: totals without shipping and tax
    gold_orders: int
    gold_order_cents: int
    gold_product_cents: int
    rescued_rows: Counter[int] = field(default_factory=Counter)  # of silver: with fields nobody declared


def read_books(root: Path, *, app_id: str, batch_id: int) -> Books:
    """Read back what the batch left in every table."""

    def held(table, *columns: str) -> pa.Table:  # type: ignore[no-untyped-def]
        return read_back(table, root, list(columns), app_id=app_id, batch_id=batch_id)

    bronze = held(BRONZE_ORDERS, "partition")
    silver = held(SILVER_ORDERS, "partition", "total_cents", "shipping_cents", "tax_cents", "rescued")
    rejected = held(SILVER_REJECTED, "partition", "amount_cents", "disposition")
    by_value = held(GOLD_ORDER_VALUE_MINUTE, "orders", "revenue_cents")
    by_product = held(GOLD_PRODUCT_SALES_MINUTE, "revenue_cents")
    charges = total(silver["shipping_cents"]) + total(silver["tax_cents"])
    return Books(
        bronze_rows=sums(bronze).rows,
        silver=sums(silver, "total_cents"),
        duplicates=sums(_with_disposition(rejected, DUPLICATE), "amount_cents"),
        quarantined=sums(_with_disposition(rejected, QUARANTINED), "amount_cents"),
        line_cents=total(silver["total_cents"]) - charges,
        gold_orders=total(by_value["orders"]),
        gold_order_cents=total(by_value["revenue_cents"]),
        gold_product_cents=total(by_product["revenue_cents"]),
        rescued_rows=sums(silver.filter(pc.is_valid(silver["rescued"]))).rows,
    )


def _with_disposition(rejected: pa.Table, disposition: str) -> pa.Table:
    return rejected.filter(pc.equal(rejected["disposition"].cast(pa.string()), disposition))


def total(column: pa.ChunkedArray) -> int:
    """The exact sum: what bad records claim may leave 64 bits when added up."""
    return int(pc.sum(column.cast(pa.decimal128(38))).as_py() or 0)


def sums(rows: pa.Table, cents: str | None = None) -> Sums:
    """Rows, and cents if that column is named, by partition."""
    result = Sums()
    for partition in pc.unique(rows["partition"]).to_pylist():
        of_partition = rows.filter(pc.equal(rows["partition"], partition))
        result.rows[partition] = of_partition.num_rows
        result.cents[partition] = total(of_partition[cents]) if cents else 0
    return result


def balanced_ledger(read: Sums, books: Books, generation: Generation, plan: BatchPlan) -> list[LedgerRow]:
    """
    The batch's ledger, one row per partition that had records.

    Raises:
        LedgerImbalance: a row or a cent is missing or too much anywhere.
    """
    ledger = [
        LedgerRow(
            batch_id=plan.batch_id,
            topic=generation.topic,
            partition=partition,
            start_offset=plan.start[partition],
            end_offset=plan.end[partition],
            read_rows=read.rows[partition],
            read_cents=read.cents[partition],
            silver_rows=books.silver.rows[partition],
            silver_cents=books.silver.cents[partition],
            duplicate_rows=books.duplicates.rows[partition],
            duplicate_cents=books.duplicates.cents[partition],
            quarantined_rows=books.quarantined.rows[partition],
            quarantined_cents=books.quarantined.cents[partition],
            generation=generation.uuid,
            rescued_rows=books.rescued_rows[partition],
        )
        for partition in sorted(plan.end)
        if plan.end[partition] > plan.start[partition]
    ]
    differences = [*_row_differences(ledger, books), *_gold_differences(books)]
    if differences:
        raise LedgerImbalance(
            f"Closing batch {plan.batch_id}: {'; '.join(differences)}. The batch is not closed: live views"
            " and ledger are as before, the tables hold what was found. The stream stops. See"
            " docs/runbooks/supervise_streams.md, 'The books do not balance'."
        )
    return ledger


def _row_differences(ledger: list[LedgerRow], books: Books) -> list[str]:
    found: dict[str, list[int]] = {}
    for row in ledger:
        rows = row.silver_rows + row.duplicate_rows + row.quarantined_rows
        cents = row.silver_cents + row.duplicate_cents + row.quarantined_cents
        place = f"partition {row.partition} [{row.start_offset}, {row.end_offset})"
        found[f"{place}: read rows, in bronze"] = [row.read_rows, books.bronze_rows[row.partition]]
        found[f"{place}: read rows, in silver and rejected"] = [row.read_rows, rows]
        found[f"{place}: read cents, in silver and rejected"] = [row.read_cents, cents]
    return _unequal(found)


def _gold_differences(books: Books) -> list[str]:
    return _unequal(
        {
            "orders in silver, in gold.order_value_minute": [books.silver.rows.total(), books.gold_orders],
            "cents in silver, in gold.order_value_minute": [
                books.silver.cents.total(),
                books.gold_order_cents,
            ],
            "line cents in silver, in gold.product_sales_minute": [
                books.line_cents,
                books.gold_product_cents,
            ],
        }
    )


def _unequal(found: dict[str, list[int]]) -> list[str]:
    return [f"{what} are {a} and {b}" for what, (a, b) in found.items() if a != b]
