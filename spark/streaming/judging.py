"""
Judges the records of a batch, each by the contract alone: in this process those that are plainly good orders,
and others ("odd" ones) as long as they are few; by Spark's rules all that are left.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from lake.schemas.orders import KAFKA_RECORD
from lake.tables import odd_records
from spark.streaming.judged_rows import as_variants, judged_schema, without_reasons
from spark.streaming.odd_orders import odd_orders
from spark.streaming.plain_orders import OrderTerms, plain_orders
from spark.streaming.single_records import SingleRecords
from spark.transforms.order_shape import names_of
from spark.transforms.orders import judged_orders

log = logging.getLogger(__name__)
# What comes into this process is bounded. Records up to this size all come: the 80,000 of the largest batch
# are 160 MB, and 50 MB when they are as large as orders are. Larger ones come if together they are not more
# than that much.
LARGE_RECORD_BYTES, LARGE_RECORDS_BYTES = 2 * 1024, 32 * 1024 * 1024
# To have Spark read the whole batch again for them costs more than to look up so many by their position.
FEW_LARGE_RECORDS = 200
BULKY = ("value", "key", "headers")
# A Spark job for odd records costs half a core-second, whatever is in it: so many are judged here sooner.
FEW_RECORDS = 2_000
# To make the code of the rules costs each task as much as to judge so many records.
RECORDS_WORTH_A_TASK = 1_000


class Judge:
    """
    Knows the rules. The plans for odd records are made once, at their first use: to analyse the rules takes
    longer than to apply them.

    Args:
        root: of the lake; odd records pass through a file below it.
        singles: reads records of the topic by their position; without it Spark does.
    """

    def __init__(
        self, spark: SparkSession, terms: OrderTerms, root: Path, singles: SingleRecords | None = None
    ) -> None:
        self._spark, self._terms, self._singles = spark, terms, singles
        self._passed_on = odd_records(root)
        self._passed_on.unlink(missing_ok=True)  # of a driver that was killed
        self._plans: dict[int, DataFrame] = {}

    def judged(self, records: DataFrame) -> pa.Table | None:
        """
        Everything about every record, sorted by position; None when the large ones are too much.

        Args:
            records: columns of KAFKA_RECORD.
        """
        rows = self._collected(records)
        if rows is None:
            return None
        plain, is_plain = plain_orders(rows, self._terms)
        parts = [without_reasons(plain), *self._judged_odd(rows.filter(pc.invert(is_plain)))]
        return pa.concat_tables(parts).sort_by([("partition", "ascending"), ("offset", "ascending")])

    def judged_in_spark(self, records: DataFrame) -> DataFrame:
        """Columns of `judged_orders`."""
        return records.transform(judged_orders, **asdict(self._terms))

    def _collected(self, records: DataFrame) -> pa.Table | None:
        sized = records.withColumn("bytes", _bytes_of_record())
        is_large = F.col("bytes") > LARGE_RECORD_BYTES
        rows = _with_bulk_where(sized, ~is_large).toArrow()
        left = rows.filter(pc.invert(rows["is_here"]))
        if left.num_rows:
            if pc.sum(left["bytes"]).as_py() > LARGE_RECORDS_BYTES:
                return None
            large = self._read_singly(left)
            if large is None:
                large = _with_bulk_where(sized.where(is_large), is_large).toArrow()
            rows = pa.concat_tables([rows.filter(rows["is_here"]), large])
        return rows.select(KAFKA_RECORD.names)

    def _read_singly(self, left: pa.Table) -> pa.Table | None:
        if self._singles is None or left.num_rows > FEW_LARGE_RECORDS:
            return None
        positions = zip(left["partition"].to_pylist(), left["offset"].to_pylist(), strict=True)
        found = self._singles.read(positions)
        if found is None:
            return None
        for name in BULKY:
            kind = left.schema.field(name).type
            column = pa.array([record[name] for record in found], kind)
            left = left.set_column(left.column_names.index(name), left.schema.field(name), column)
        return left

    def _judged_odd(self, odd: pa.Table) -> Iterator[pa.Table]:
        if 0 < odd.num_rows <= FEW_RECORDS:
            try:
                here, is_here = odd_orders(odd, self._terms)
            except Exception as error:
                # A short cut may cost time, never the stream: a batch that fails is tried again for ever. The
                # message may have a customer's data in it.
                log.error("judging %d odd records here: %s; Spark judges them", odd.num_rows, type(error))
            else:
                yield here
                odd = odd.filter(pc.invert(is_here))
        if odd.num_rows:
            yield self._by_rules(odd)

    def _by_rules(self, odd: pa.Table) -> pa.Table:
        tasks = 1 if odd.num_rows < RECORDS_WORTH_A_TASK else self._spark.sparkContext.defaultParallelism
        try:
            self._pass_on(odd)
            rows = self._plan(tasks).toArrow()
        finally:
            self._passed_on.unlink(missing_ok=True)
        rescued = as_variants(rows["rescued"].combine_chunks())
        rows = rows.set_column(rows.column_names.index("rescued"), "rescued", rescued)
        return rows.select(judged_schema().names).cast(judged_schema())

    def _pass_on(self, odd: pa.Table) -> None:
        self._passed_on.parent.mkdir(parents=True, exist_ok=True)
        self._passed_on.touch(mode=0o600)
        schema = to_arrow_schema(KAFKA_RECORD, timezone="UTC")
        with pa.OSFile(str(self._passed_on), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            writer.write_table(odd.select(schema.names).cast(schema))

    def _plan(self, tasks: int) -> DataFrame:
        """The same one for every batch, so that nothing of it is analysed, planned and compiled anew."""
        if tasks not in self._plans:
            source = self._spark.range(0, tasks, 1, tasks)
            records = source.mapInArrow(_reader(str(self._passed_on), tasks), KAFKA_RECORD)
            judged = self.judged_in_spark(records)
            is_good = F.size("reasons") == 0
            self._plans[tasks] = judged.withColumns(
                {
                    "rescued": _as_list(F.col("rescued")),
                    "unknown_fields": F.when(is_good, names_of(F.col("rescued"))),
                }
            )
        return self._plans[tasks]


def _reader(path: str, tasks: int) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """For a worker of Spark: of the file's rows, in `tasks` equal shares, those that its number names."""

    def share(numbers: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in numbers:
            for number in batch.column(0).to_pylist():
                with pa.OSFile(path, "rb") as file:
                    rows = pa.ipc.open_file(file).read_all()
                first, end = (rows.num_rows * place // tasks for place in (number, number + 1))
                yield from rows.slice(first, end - first).to_batches()

    return share


def _with_bulk_where(sized: DataFrame, is_here: Column) -> DataFrame:
    bulk = (F.when(is_here, F.col(name)).alias(name) for name in BULKY)
    rest = (name for name in KAFKA_RECORD.names if name not in BULKY)
    return sized.select(*rest, *bulk, "bytes", is_here.alias("is_here"))


def _bytes_of_record() -> Column:
    # Headers as text: near enough for a bound, and a sum over them would need a lambda (ADR 24).
    return _size(F.col("value")) + _size(F.col("key")) + _size(F.col("headers").cast("string"))


def _size(value: Column) -> Column:
    return F.coalesce(F.octet_length(value), F.lit(0))


def _as_list(variant: Column) -> Column:
    # PySpark cannot turn a VARIANT that is NULL into Arrow, but a list without one.
    count = F.when(variant.isNotNull(), F.lit(1)).otherwise(F.lit(0))
    return F.slice(F.array(variant), F.lit(1), count)
