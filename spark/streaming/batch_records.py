"""
The records of one batch as the writer takes them apart: as Arrow in this process, or left in Spark when they
are too large for that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from lake.contract import CONFLICT, DUPLICATE, QUARANTINED
from lake.schemas.orders import COLUMNS
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, SILVER_REJECTED, Table
from spark.streaming import arrow_gold
from spark.streaming.large_batch import SparkRecords
from spark.streaming.order_index import Decision
from spark.streaming.plan import BatchPlan
from spark.transforms.order_shape import names_of

# What comes into this process is bounded. Records up to this size all come: the 20,000 of the largest batch,
# each of them three times at most (bytes, fields, and what Spark sends), are 500 MB, and 60 MB when they are
# as large as orders are. Larger ones come if together they are not more than that much.
LARGE_RECORD_BYTES, LARGE_RECORDS_BYTES = 8 * 1024, 32 * 1024 * 1024
VARIANT_PARTS = ("metadata", "value")
VARIANT = pa.struct([pa.field(part, pa.binary(), nullable=False) for part in VARIANT_PARTS])
ALWAYS_THERE = ("topic", "partition", "offset", "kafka_timestamp", "reasons", "is_late")


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
def records_of(judged: DataFrame, plan: BatchPlan) -> Iterator[BatchRecords]:
    """
    The batch's records, judged once by one Spark job; large ones twice, and all of them if those are many.

    Args:
        judged: columns of `judged_orders`.
    """
    rows = _collected(judged)
    if rows is not None:
        yield ArrowRecords(rows, plan)
        return
    with SparkRecords.kept(judged, plan) as records:
        yield records


def _collected(judged: DataFrame) -> pa.Table | None:
    """Everything about every record, sorted by position; None when the large ones are too much."""
    sized = judged.withColumn("bytes", _bytes_of_record())
    is_large = F.col("bytes") > LARGE_RECORD_BYTES
    rows = _as_columns(sized, ~is_large).toArrow()
    left = rows.filter(pc.invert(rows["is_here"]))
    if left.num_rows:
        if pc.sum(left["bytes"]).as_py() > LARGE_RECORDS_BYTES:
            return None
        large = _as_columns(sized.where(is_large), is_large).toArrow()
        rows = pa.concat_tables([rows.filter(rows["is_here"]), large])
    rescued = _variants(rows["rescued"].combine_chunks())
    rows = rows.set_column(rows.column_names.index("rescued"), "rescued", rescued)
    return rows.sort_by([("partition", "ascending"), ("offset", "ascending")])


def _as_columns(sized: DataFrame, is_here: Column) -> DataFrame:
    """What every record has, and the rest of those that are to be here."""
    bulky = [name for name in sized.columns if name not in (*ALWAYS_THERE, "bytes", "rescued")]
    is_good = F.size("reasons") == 0
    return sized.select(
        *ALWAYS_THERE,
        "bytes",
        is_here.alias("is_here"),
        *(F.when(is_here, F.col(name)).alias(name) for name in bulky),
        _as_list("rescued", is_here),
        F.when(is_here & is_good, names_of(F.col("rescued"))).alias("unknown_fields"),
    )


def _bytes_of_record() -> Column:
    # Headers as text: near enough for a bound, and a sum over them would need a lambda (ADR 24).
    return _size(F.col("value")) + _size(F.col("key")) + _size(F.col("headers").cast("string"))


def _size(value: Column) -> Column:
    return F.coalesce(F.octet_length(value), F.lit(0))


def _as_list(variant: str, is_here: Column) -> Column:
    # PySpark cannot turn a VARIANT that is NULL into Arrow, but a list without one.
    count = F.when(is_here & F.col(variant).isNotNull(), F.lit(1)).otherwise(F.lit(0))
    return F.slice(F.array(variant), F.lit(1), count).alias(variant)


def _variants(lists: pa.ListArray) -> pa.StructArray:
    """Lists of one VARIANT or none as nullable VARIANTs, in the form Delta keeps them in Parquet."""
    is_there = pc.equal(pc.list_value_length(lists), 1)
    values = lists.flatten()
    # Both parts are declared to be there always, so a NULL has empty ones, after all the others.
    place = pc.if_else(is_there, pc.subtract(pc.cumulative_sum(is_there.cast(pa.int64())), 1), len(values))
    empty = pa.array([b""], pa.binary())
    parts = [pa.concat_arrays([values.field(part), empty]).take(place) for part in VARIANT_PARTS]
    return pa.StructArray.from_arrays(parts, fields=list(VARIANT), mask=pc.invert(is_there))


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
        named = {(partition, offset): kind for partition, offset, kind in decision.exceptions}
        positions = zip(*(self._rows[name].to_pylist() for name in ("partition", "offset")), strict=True)
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
