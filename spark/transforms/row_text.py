"""A row as one text: equal for equal rows, whichever engine or version of a table they come from."""

import pyspark.sql.functions as F
from pyspark.sql import Column

from lake.schemas.orders import COLUMNS
from lake.tables import Table

# The default has no microseconds, and rows that differ in them only would look the same.
AS_TEXT = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"}


def row_text(table: Table) -> Column:
    """All declared columns of a row of `table`, as JSON."""
    return columns_text(COLUMNS[table].names)


def columns_text(names: list[str]) -> Column:
    return F.to_json(F.struct(*(F.col(name) for name in names)), AS_TEXT)


def content_columns(table: Table) -> tuple[Column, Column]:
    """Aggregates over rows of `table`: how many, and the sum of their hashes. `content_text` names both."""
    hashed = F.xxhash64(row_text(table)).cast("decimal(38,0)")
    return F.count("*").alias("rows"), F.sum(hashed).alias("hashes")


def content_text(rows: int, hashes: int | None) -> str:
    """Equal for equal rows in any order, and in practice for no others."""
    return f"{rows}:{int(hashes or 0) & (2**64 - 1):016x}"
