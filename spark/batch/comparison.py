"""Are two versions of a table the same, row for row?"""

from pathlib import Path
from typing import NamedTuple

import pyspark.sql.functions as F
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from lake.tables import Table
from spark.transforms.row_text import row_text


class Comparison(NamedTuple):
    is_equal: bool
    text: str


def compared(
    spark: SparkSession, table: Table, root: Path, other_root: Path, *, up_to: int, where: str = "true"
) -> Comparison:
    """
    The rows of batches up to `up_to` under both roots; a table that cannot be read equals nothing.

    Args:
        where: only these rows, as SQL.
    """
    only = f"batch_id <= {up_to} and ({where})"
    try:
        held, only_held, only_rebuilt = _counts(
            _hashed(spark, table, root, only, "held"), _hashed(spark, table, other_root, only, "rebuilt")
        )
    except PySparkException as error:
        return Comparison(False, f"cannot be read: {str(error).strip().splitlines()[0]}")
    if only_held or only_rebuilt:
        return Comparison(
            False, f"{held:,} rows, {only_held:,} that bronze does not give, {only_rebuilt:,} are missing"
        )
    return Comparison(True, f"equal, {held:,} rows")


def _hashed(spark: SparkSession, table: Table, root: Path, only: str, count: str) -> DataFrame:
    """How often each row is there, a row told by the hash of all its columns."""
    rows = spark.read.format("delta").load(str(table.path(root))).where(only)
    return rows.groupBy(F.sha2(row_text(table), 256).alias("row_hash")).agg(F.count("*").alias(count))


def _counts(held: DataFrame, rebuilt: DataFrame) -> tuple[int, int, int]:
    """Rows held, rows held only, rows rebuilt only."""
    more = F.coalesce("held", F.lit(0)) - F.coalesce("rebuilt", F.lit(0))
    sums = held.join(rebuilt, "row_hash", "full").agg(
        F.sum("held"), F.sum(F.greatest(more, F.lit(0))), F.sum(F.greatest(-more, F.lit(0)))
    )
    first = sums.first()
    return tuple(int(value or 0) for value in first) if first else (0, 0, 0)  # type: ignore[return-value]
