"""One micro-batch: bronze, silver, rejected, gold, live and ledger, each step repeatable."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from include.fault_points import Reach, pass_by
from lake.contract import CONFLICT
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
from spark.streaming.delta_log import HeldTables, append, append_arrow
from spark.streaming.durability import sync
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

    @cached_property
    def _tables(self) -> HeldTables:
        return HeldTables(self.root)

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
        clock = StepClock(self.reach)
        with records_of(records, self.judge, plan) as judged:
            clock("after_judging")
            self._write(judged, plan, clock)

    def _write(self, records: BatchRecords, plan: BatchPlan, clock: "StepClock") -> None:
        batch_id, arrived = plan.batch_id, records.arrived
        self._append(records.bronze(), BRONZE_ORDERS, batch_id, clock)
        decision = self.index.decide(_good_orders(arrived))
        clock.mark("index")
        product_sales, order_value = self._write_layers(records, decision, batch_id, clock)
        self.index.add(decision.accepted, generation=self.generation.key, batch_id=batch_id)
        clock.mark("index")

        books = read_books(self.root, app_id=self.generation.app_id, batch_id=batch_id)
        ledger = balanced_ledger(sums(arrived, "total_cents"), books, self.generation, plan)
        clock.mark("read_back")
        sync(self.root)
        clock("before_close")
        batch = ClosedBatch(
            ledger,
            product_sales,
            order_value,
            _as_of(arrived),
            clock.elapsed,
            _unknown_fields(arrived, decision),
            clock.steps,
            _reasons(arrived, decision),
            _late_rows(arrived, decision),
            arrived["kafka_timestamp"],
        )
        self.close(batch, clock)
        clock("after_close")

    def _write_layers(
        self, records: BatchRecords, decision: Decision, batch_id: int, reach: Reach
    ) -> tuple[pa.Table, pa.Table]:
        """Silver, rejected and gold; of what is empty, nothing. Returns the batch's gold rows."""
        silver, rejected = records.disposed(decision)
        if decision.accepted:
            self._append(silver, SILVER_ORDERS, batch_id, reach)
        if records.arrived.num_rows > len(decision.accepted):
            self._append(rejected, SILVER_REJECTED, batch_id, reach)
        product_sales, order_value = records.gold(decision)
        self._append_gold(product_sales, GOLD_PRODUCT_SALES_MINUTE, batch_id, reach)
        self._append_gold(order_value, GOLD_ORDER_VALUE_MINUTE, batch_id, reach)
        return product_sales, order_value

    def _append_gold(self, rows: pa.Table, table: Table, batch_id: int, reach: Reach) -> None:
        if rows.num_rows:
            numbered = rows.append_column("batch_id", pa.array([batch_id] * rows.num_rows, pa.int64()))
            self._append(numbered.select(COLUMNS[table].names), table, batch_id, reach)

    def _append(self, rows: pa.Table | DataFrame, table: Table, batch_id: int, reach: Reach) -> None:
        if isinstance(rows, pa.Table):
            append_arrow(rows, table, self._tables, app_id=self.generation.app_id, batch_id=batch_id)
        else:
            append(rows.coalesce(1), table, self.root, app_id=self.generation.app_id, batch_id=batch_id)
        reach(f"after_{table.full_name}")


class StepClock:
    """Tells `reach` of every step, and keeps how long each took."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._began = self._last = time.monotonic()
        self.steps: dict[str, float] = {}  # seconds by name

    def __call__(self, step: str) -> None:
        self.mark("sync" if step == "before_close" else step.removeprefix("after_"))
        self._reach(step)

    def mark(self, name: str) -> None:
        """All since the last mark was for this; a step may be taken in parts."""
        now = time.monotonic()
        self.steps[name] = self.steps.get(name, 0.0) + now - self._last
        self._last = now

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began


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
    exceptions = {(partition, offset) for partition, offset, _ in decision.exceptions}
    columns = (rows[name].to_pylist() for name in ("partition", "offset", "unknown_fields"))
    counts = Counter(
        name[:MAX_FIELD_NAME]
        for partition, offset, names in zip(*columns, strict=True)
        if (partition, offset) not in exceptions
        for name in names
    )
    kept = dict(counts.most_common(MAX_FIELD_NAMES))
    rest = counts.total() - sum(kept.values())
    return kept | ({"…": rest} if rest else {})


def _reasons(arrived: pa.Table, decision: Decision) -> dict[str, int]:
    """How many records were rejected for which reason."""
    found = pc.value_counts(pc.list_flatten(arrived["reasons"]))
    counts = Counter({reason["values"]: reason["counts"] for reason in found.to_pylist()})
    counts.update(kind for *_, kind in decision.exceptions if kind == CONFLICT)
    return dict(counts)


def _late_rows(arrived: pa.Table, decision: Decision) -> int:
    late = arrived.filter(pc.and_(pc.equal(pc.list_value_length(arrived["reasons"]), 0), arrived["is_late"]))
    exceptions = {(partition, offset) for partition, offset, _ in decision.exceptions}
    positions = zip(*(values_of(late[name]) for name in ("partition", "offset")), strict=True)
    return sum(position not in exceptions for position in positions)


def _as_of(arrived: pa.Table):  # type: ignore[no-untyped-def]
    """The latest moment up to which every partition of the batch has been read."""
    if not arrived.num_rows:
        return None
    last = arrived.group_by("partition").aggregate([("kafka_timestamp", "max")])
    return pc.min(last["kafka_timestamp_max"]).as_py()
