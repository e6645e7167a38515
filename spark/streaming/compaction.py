"""Small files of a table become few large ones; not a row changes."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from delta.tables import DeltaTable as SparkDeltaTable
from pyspark.sql import SparkSession

from include.errors import TableDamaged
from include.table_requests import Optimize
from lake.reading import delta_table
from lake.tables import Table


class Shape(NamedTuple):
    """What a table's log says of its files."""

    files: int
    bytes: int
    rows: int


def shape(table: Table, root: Path) -> Shape:
    files = pa.table(delta_table(table, root).get_add_actions(flatten=True))
    return Shape(
        files.num_rows, pc.sum(files["size_bytes"]).as_py() or 0, pc.sum(files["num_records"]).as_py() or 0
    )


def optimize(spark: SparkSession, root: Path, what: Optimize) -> Mapping[str, int]:
    """
    Compact in one commit. Twice is once.

    Raises:
        TableDamaged: the table has another number of rows than before.
    """
    before = shape(what.table, root)
    work = SparkDeltaTable.forPath(spark, str(what.table.path(root))).optimize()
    if what.days:
        # Dates, parsed: there is nothing in them that SQL could take for something else.
        days = ", ".join(f"date'{day.isoformat()}'" for day in what.days)
        work = work.where(f"{what.table.partition_by} in ({days})")
    work.executeCompaction()
    after = shape(what.table, root)
    if after.rows != before.rows:
        raise TableDamaged(
            f"Compacting {what.table.full_name}: it has {after.rows:,} rows, before it had {before.rows:,}."
            " `saleslake rebuild --from-bronze` makes it anew."
        )
    return {
        "files_before": before.files,
        "files_after": after.files,
        "bytes_before": before.bytes,
        "bytes_after": after.bytes,
        "rows": after.rows,
    }
