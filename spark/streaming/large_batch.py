"""A batch whose records are too large for this process: Spark keeps them, on disk what memory cannot hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Self

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark.streaming.order_index import Decision
from spark.streaming.plan import BatchPlan
from spark.transforms.gold import order_value_minute, product_sales_minute
from spark.transforms.order_shape import names_of
from spark.transforms.orders import bronze_orders, silver_orders, silver_rejected, with_disposition

EXCEPTION = pa.schema([("partition", pa.int32()), ("offset", pa.int64()), ("exception", pa.string())])


class SparkRecords:
    """Records in Spark."""

    def __init__(self, stamped: DataFrame) -> None:
        self._rows = stamped

    @classmethod
    @contextmanager
    def kept(cls, judged: DataFrame, plan: BatchPlan) -> Iterator[Self]:
        rows = stamped(judged, plan).persist()
        try:
            yield cls(rows)
        finally:
            rows.unpersist()

    @cached_property
    def arrived(self) -> pa.Table:
        is_good = F.size("reasons") == 0
        rows = self._rows.select(
            "partition",
            "offset",
            "total_cents",
            "kafka_timestamp",
            "reasons",
            "is_late",
            F.when(is_good, F.col("order_id")).alias("order_id"),
            F.when(is_good, F.col("order_hash")).alias("order_hash"),
            F.when(is_good, names_of(F.col("rescued"))).alias("unknown_fields"),
        )
        return rows.toArrow().sort_by([("partition", "ascending"), ("offset", "ascending")])

    def bronze(self) -> DataFrame:
        return bronze_orders(self._rows)

    def disposed(self, decision: Decision) -> tuple[DataFrame, DataFrame]:
        rows = [dict(zip(EXCEPTION.names, exception, strict=True)) for exception in decision.exceptions]
        exceptions = self._rows.sparkSession.createDataFrame(pa.Table.from_pylist(rows, schema=EXCEPTION))
        disposed = self._rows.transform(with_disposition, exceptions)
        return (
            silver_orders(disposed.where(F.col("disposition").isNull())),
            silver_rejected(disposed.where(F.col("disposition").isNotNull())),
        )

    def gold(self, decision: Decision) -> tuple[pa.Table, pa.Table]:
        silver, _ = self.disposed(decision)
        return product_sales_minute(silver).toArrow(), order_value_minute(silver).toArrow()


def stamped(records: DataFrame, plan: BatchPlan) -> DataFrame:
    """
    The records with `batch_id` and `ingested_at`, the time the batch was planned: a replay gets the same.

    They come as data, not as literals: Spark writes literals into the code it compiles, and a batch whose
    code differs from the last one's pays for compiling it all again, ten times what the records cost.
    """
    stamp = pa.table({"batch_id": pa.array([plan.batch_id], pa.int64()), "ingested_at": [plan.planned_at]})
    return records.crossJoin(F.broadcast(records.sparkSession.createDataFrame(stamp)))
