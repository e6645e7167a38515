"""One micro-batch: bronze, silver, rejected, gold, live and ledger, each step repeatable."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

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
from spark.streaming.closing import ClosedBatch
from spark.streaming.delta_log import append, append_arrow
from spark.streaming.generation import Generation
from spark.streaming.order_index import AcceptedOrder, Decision, OrderIndex
from spark.streaming.plan import BatchPlan
from spark.transforms.gold import order_value_minute, product_sales_minute
from spark.transforms.order_shape import names_of
from spark.transforms.orders import (
    bronze_orders,
    silver_orders,
    silver_rejected,
    with_disposition,
)

# What is kept of the names of unknown fields, whatever a producer invents: characters, and names per batch.
MAX_FIELD_NAME, MAX_FIELD_NAMES = 200, 100
EXCEPTION = pa.schema([("partition", pa.int32()), ("offset", pa.int64()), ("exception", pa.string())])


@dataclass(frozen=True)
class BatchWriter:
    """Writes batches of one generation. `close` publishes a batch and survives a broken connection."""

    root: Path
    generation: Generation
    index: OrderIndex
    close: Callable[[ClosedBatch, Reach], None]
    reach: Reach = pass_by  # told the name of every step done; tests break in here

    def write(self, judged: DataFrame, plan: BatchPlan) -> None:
        """
        Take a batch all the way. Twice is once: each step sees what an earlier try has already done.

        Args:
            judged: columns of `judged_orders`.

        Raises:
            LedgerImbalance: rows or cents do not add up; the batch stays open.
        """
        if plan.is_empty:  # Spark begins an empty topic with an empty batch
            return
        records = stamped(judged, plan).persist()
        try:
            self._write(records, plan)
        finally:
            records.unpersist()

    def _write(self, judged: DataFrame, plan: BatchPlan) -> None:
        started, batch_id = time.monotonic(), plan.batch_id
        self._append(bronze_orders(judged), BRONZE_ORDERS, batch_id)
        arrived = _arrived(judged)
        decision = self.index.decide(_good_orders(arrived))
        product_sales, order_value = self._write_layers(judged, arrived, decision, batch_id)
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
        self, judged: DataFrame, arrived: pa.Table, decision: Decision, batch_id: int
    ) -> tuple[pa.Table, pa.Table]:
        """Silver, rejected and gold, side by side. Returns the batch's gold rows."""
        disposed = _disposed(judged, decision)
        silver = silver_orders(disposed.where(F.col("disposition").isNull()))
        rejected = silver_rejected(disposed.where(F.col("disposition").isNotNull()))
        has_rejected = arrived.num_rows > len(decision.accepted)

        with ThreadPoolExecutor(max_workers=2) as pool:
            writes = []
            if decision.accepted:
                writes.append(pool.submit(self._append, silver, SILVER_ORDERS, batch_id))
            if has_rejected:
                writes.append(pool.submit(self._append, rejected, SILVER_REJECTED, batch_id))
            products = pool.submit(
                self._write_gold, product_sales_minute(silver), GOLD_PRODUCT_SALES_MINUTE, batch_id
            )
            values = pool.submit(
                self._write_gold, order_value_minute(silver), GOLD_ORDER_VALUE_MINUTE, batch_id
            )
            for write in writes:
                write.result()
            return products.result(), values.result()

    def _write_gold(self, sums_of_batch: DataFrame, table: Table, batch_id: int) -> pa.Table:
        rows = sums_of_batch.toArrow()
        if rows.num_rows:
            numbered = rows.append_column("batch_id", pa.array([batch_id] * rows.num_rows, pa.int64()))
            held = numbered.select(COLUMNS[table].names)
            append_arrow(held, table, self.root, app_id=self.generation.app_id, batch_id=batch_id)
            self.reach(f"after_{table.full_name}")
        return rows

    def _append(self, rows: DataFrame, table: Table, batch_id: int) -> None:
        append(rows.coalesce(1), table, self.root, app_id=self.generation.app_id, batch_id=batch_id)
        self.reach(f"after_{table.full_name}")


def stamped(records: DataFrame, plan: BatchPlan) -> DataFrame:
    """
    The records with `batch_id` and `ingested_at`, the time the batch was planned: a replay gets the same.

    They come as data, not as literals: Spark writes literals into the code it compiles, and a batch whose
    code differs from the last one's pays for compiling it all again, ten times what the records cost.
    """
    stamp = pa.table({"batch_id": pa.array([plan.batch_id], pa.int64()), "ingested_at": [plan.planned_at]})
    return records.crossJoin(F.broadcast(records.sparkSession.createDataFrame(stamp)))


def _arrived(judged: DataFrame) -> pa.Table:
    """
    Every record's position, claim and arrival; of the good ones order_id, hash and the names of fields that
    the contract does not know. Sorted by position.
    """
    is_good = F.size("reasons") == 0
    return (
        judged.select(
            "partition",
            "offset",
            "total_cents",
            "kafka_timestamp",
            F.when(is_good, F.col("order_id")).alias("order_id"),
            F.when(is_good, F.unhex("order_hash")).alias("order_hash"),
            F.when(is_good, names_of(F.col("rescued"))).alias("unknown_fields"),
        )
        .toArrow()
        .sort_by([("partition", "ascending"), ("offset", "ascending")])
    )


def _good_orders(arrived: pa.Table) -> list[AcceptedOrder]:
    good = arrived.filter(pc.is_valid(arrived["order_id"]))
    columns = (good[name].to_pylist() for name in ("order_id", "order_hash", "partition", "offset"))
    return [AcceptedOrder(*row) for row in zip(*columns, strict=True)]


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


def _disposed(judged: DataFrame, decision: Decision) -> DataFrame:
    rows = [dict(zip(EXCEPTION.names, exception, strict=True)) for exception in decision.exceptions]
    exceptions = judged.sparkSession.createDataFrame(pa.Table.from_pylist(rows, schema=EXCEPTION))
    return judged.transform(with_disposition, exceptions)


def _as_of(arrived: pa.Table):  # type: ignore[no-untyped-def]
    """The latest moment up to which every partition of the batch has been read."""
    if not arrived.num_rows:
        return None
    last = arrived.group_by("partition").aggregate([("kafka_timestamp", "max")])
    return pc.min(last["kafka_timestamp_max"]).as_py()
