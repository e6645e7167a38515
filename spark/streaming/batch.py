"""One micro-batch: bronze, silver, rejected, gold, live and ledger, each step repeatable."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from include.fault_points import Reach, pass_by
from lake.schemas.orders import COLUMNS
from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
    Table,
)
from spark.streaming.accounts import balanced_ledger, read_books, sums
from spark.streaming.batch_records import BatchRecords, records_of
from spark.streaming.closing import ClosedBatch
from spark.streaming.columns import values_of
from spark.streaming.delta_log import append, append_arrow
from spark.streaming.generation import Generation
from spark.streaming.judging import Judge
from spark.streaming.order_index import AcceptedOrder, Decision, OrderIndex
from spark.streaming.plan import BatchPlan

# What is kept of the names of unknown fields, whatever a producer invents: characters, and names per batch.
MAX_FIELD_NAME, MAX_FIELD_NAMES = 200, 100


@dataclass(frozen=True)
class BatchWriter:
    """Writes batches of one generation. `close` publishes a batch and survives a broken connection."""

    root: Path
    generation: Generation
    index: OrderIndex
    judge: Judge
    close: Callable[[ClosedBatch, Reach], None]
    reach: Reach = pass_by  # told the name of every step done; tests break in here

    def write(self, records: DataFrame, plan: BatchPlan) -> None:
        """
        Take a batch all the way. Twice is once: each step sees what an earlier try has already done.

        Args:
            records: columns of KAFKA_RECORD.

        Raises:
            LedgerImbalance: rows or cents do not add up; the batch stays open.
        """
        if plan.is_empty:  # Spark begins an empty topic with an empty batch
            return
        started = time.monotonic()
        with records_of(records, self.judge, plan) as judged:
            self.reach("after_judging")
            self._write(judged, plan, started)

    def _write(self, records: BatchRecords, plan: BatchPlan, started: float) -> None:
        batch_id, arrived = plan.batch_id, records.arrived
        self._append(records.bronze(), BRONZE_ORDERS, batch_id)
        decision = self.index.decide(_good_orders(arrived))
        product_sales, order_value = self._write_layers(records, decision, batch_id)
        self.index.add(decision.accepted, generation=self.generation.key, batch_id=batch_id)

        books = read_books(self.root, app_id=self.generation.app_id, batch_id=batch_id)
        ledger = balanced_ledger(sums(arrived, "total_cents"), books, self.generation, plan)
        self.reach("before_close")
        seconds = time.monotonic() - started
        unknown = _unknown_fields(arrived, decision)
        batch = ClosedBatch(ledger, product_sales, order_value, _as_of(arrived), seconds, unknown)
        self.close(batch, self.reach)
        self.reach("after_close")

    def _write_layers(
        self, records: BatchRecords, decision: Decision, batch_id: int
    ) -> tuple[pa.Table, pa.Table]:
        """Silver, rejected and gold; of what is empty, nothing. Returns the batch's gold rows."""
        silver, rejected = records.disposed(decision)
        if decision.accepted:
            self._append(silver, SILVER_ORDERS, batch_id)
        if records.arrived.num_rows > len(decision.accepted):
            self._append(rejected, SILVER_REJECTED, batch_id)
        product_sales, order_value = records.gold(decision)
        self._append_gold(product_sales, GOLD_PRODUCT_SALES_MINUTE, batch_id)
        self._append_gold(order_value, GOLD_ORDER_VALUE_MINUTE, batch_id)
        return product_sales, order_value

    def _append_gold(self, rows: pa.Table, table: Table, batch_id: int) -> None:
        if rows.num_rows:
            numbered = rows.append_column("batch_id", pa.array([batch_id] * rows.num_rows, pa.int64()))
            self._append(numbered.select(COLUMNS[table].names), table, batch_id)

    def _append(self, rows: pa.Table | DataFrame, table: Table, batch_id: int) -> None:
        if isinstance(rows, pa.Table):
            append_arrow(rows, table, self.root, app_id=self.generation.app_id, batch_id=batch_id)
        else:
            append(rows.coalesce(1), table, self.root, app_id=self.generation.app_id, batch_id=batch_id)
        self.reach(f"after_{table.full_name}")


def _good_orders(arrived: pa.Table) -> list[AcceptedOrder]:
    good = arrived.filter(pc.equal(pc.list_value_length(arrived["reasons"]), 0))
    names = ("order_id", "order_hash", "partition", "offset")
    orders, hashes, *positions = (values_of(good[name]) for name in names)
    return list(map(AcceptedOrder, orders, map(bytes.fromhex, hashes), *positions))


def _unknown_fields(arrived: pa.Table, decision: Decision) -> dict[str, int]:
    """How many of the accepted orders have which unknown field; the rarest of very many are one, `…`."""
    rows = arrived.filter(pc.is_valid(arrived["unknown_fields"]))
    if not rows.num_rows:
        return {}
    accepted = {(order.partition, order.offset) for order in decision.accepted}
    columns = (rows[name].to_pylist() for name in ("partition", "offset", "unknown_fields"))
    counts = Counter(
        name[:MAX_FIELD_NAME]
        for partition, offset, names in zip(*columns, strict=True)
        if (partition, offset) in accepted
        for name in names
    )
    kept = dict(counts.most_common(MAX_FIELD_NAMES))
    rest = counts.total() - sum(kept.values())
    return kept | ({"…": rest} if rest else {})


def _as_of(arrived: pa.Table):  # type: ignore[no-untyped-def]
    """The latest moment up to which every partition of the batch has been read."""
    if not arrived.num_rows:
        return None
    last = arrived.group_by("partition").aggregate([("kafka_timestamp", "max")])
    return pc.min(last["kafka_timestamp_max"]).as_py()
