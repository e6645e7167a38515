"""
The records of one batch as the writer takes them apart: as Arrow in this process, or left in Spark when they
are too large for that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from lake.contract import CONFLICT, DUPLICATE, QUARANTINED
from lake.schemas.orders import COLUMNS
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, SILVER_REJECTED, Table
from spark.streaming import arrow_gold
from spark.streaming.columns import values_of
from spark.streaming.judged_rows import VARIANT
from spark.streaming.judging import Judge
from spark.streaming.large_batch import SparkRecords
from spark.streaming.order_index import Decision
from spark.streaming.plan import BatchPlan


class BatchRecords(Protocol):
    """What a batch gives to every table: Arrow rows, or Spark's. Nothing here writes."""

    @property
    def arrived(self) -> pa.Table:
        """Position, claim and arrival of every record; of the good ones order_id, hash and unknown fields."""

    def bronze(self) -> pa.Table | DataFrame: ...

    def disposed(self, decision: Decision) -> tuple[pa.Table | DataFrame, pa.Table | DataFrame]:
        """The rows of silver and of rejected."""

    def gold(self, decision: Decision) -> tuple[pa.Table, pa.Table]:
        """The rows of product_sales_minute and of order_value_minute, without the batch."""


@contextmanager
def records_of(records: DataFrame, judge: Judge, plan: BatchPlan) -> Iterator[BatchRecords]:
    """
    The batch's records, judged; they are read once, and all of them again if many of them are large.

    Args:
        records: columns of KAFKA_RECORD.
    """
    rows = judge.judged(records)
    if rows is not None:
        yield ArrowRecords(rows, plan)
        return
    with SparkRecords.kept(judge.judged_in_spark(records), plan) as kept:
        yield kept


class ArrowRecords:
    """Records in this process."""

    def __init__(self, rows: pa.Table, plan: BatchPlan) -> None:
        self._rows, self._plan = rows, plan

    @property
    def arrived(self) -> pa.Table:
        return self._rows

    def bronze(self) -> pa.Table:
        stamp = pa.repeat(pa.scalar(self._plan.planned_at, pa.timestamp("us", "UTC")), self._rows.num_rows)
        return self._declared(
            self._rows.append_column("ingested_at", stamp), BRONZE_ORDERS, "kafka_timestamp"
        )

    def disposed(self, decision: Decision) -> tuple[pa.Table, pa.Table]:
        exceptions = self._exceptions(decision)
        is_accepted = self._is_accepted(exceptions)
        rejected = self._rows.append_column("exception", exceptions).filter(pc.invert(is_accepted))
        return (
            self._declared(self._rows.filter(is_accepted), SILVER_ORDERS, "ordered_at"),
            self._declared(_with_disposition(rejected), SILVER_REJECTED, "kafka_timestamp"),
        )

    def gold(self, decision: Decision) -> tuple[pa.Table, pa.Table]:
        silver = self._rows.filter(self._is_accepted(self._exceptions(decision)))
        return arrow_gold.product_sales_minute(silver), arrow_gold.order_value_minute(silver)

    def _exceptions(self, decision: Decision) -> pa.Array:
        if not decision.exceptions:
            return pa.nulls(self._rows.num_rows, pa.string())
        named = {(partition, offset): kind for partition, offset, kind in decision.exceptions}
        positions = zip(*(values_of(self._rows[name]) for name in ("partition", "offset")), strict=True)
        return pa.array([named.get(position) for position in positions], pa.string())

    def _is_accepted(self, exceptions: pa.Array) -> pa.Array:
        is_good = pc.equal(pc.list_value_length(self._rows["reasons"].combine_chunks()), 0)
        return pc.and_(is_good, pc.is_null(exceptions))

    def _declared(self, rows: pa.Table, table: Table, dated_by: str) -> pa.Table:
        """
        The table's columns as it declares them.

        Raises:
            ValueError: a column that must be there has a NULL.
        """
        number = pa.repeat(pa.scalar(self._plan.batch_id, pa.int64()), rows.num_rows)
        numbered = rows.append_column("batch_id", number)
        dated = numbered.append_column("date_utc", rows[dated_by].cast(pa.date32()))
        declared = arrow_schema(table)
        return dated.select(declared.names).cast(declared)


def arrow_schema(table: Table) -> pa.Schema:
    declared = to_arrow_schema(COLUMNS[table], timezone="UTC")
    places = [place for place, field in enumerate(COLUMNS[table]) if field.dataType == T.VariantType()]
    for place in places:
        declared = declared.set(place, declared.field(place).with_type(VARIANT))
    return declared


def _with_disposition(rejected: pa.Table) -> pa.Table:
    exceptions = rejected["exception"].combine_chunks()
    is_duplicate = pc.fill_null(pc.equal(exceptions, DUPLICATE), False)
    is_conflict = pc.fill_null(pc.equal(exceptions, CONFLICT), False)
    conflict = pa.scalar([CONFLICT], pa.list_(pa.string()))
    reasons = rejected["reasons"].combine_chunks().cast(conflict.type)
    return (
        rejected.drop_columns(["reasons"])
        .append_column("reasons", pc.if_else(is_conflict, conflict, reasons))
        .append_column("disposition", pc.if_else(is_duplicate, DUPLICATE, QUARANTINED))
        .append_column("amount_cents", rejected["total_cents"])
    )
