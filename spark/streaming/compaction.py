"""Small files of a table become few large ones; not a row changes."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from delta.tables import DeltaTable as SparkDeltaTable
from pyspark.sql import SparkSession

from include.errors import TableDamaged
from include.table_requests import Optimize
from lake.reading import delta_table
from lake.tables import Table
from spark.streaming.delta_log import keep_versions
from spark.transforms.row_text import content_columns, content_text

# A writer that died is replaced within a minute or two; the log keeps half an hour.
DIED_WITHIN_SECONDS = 900
MOST_COMMITS = 1_000


class Shape(NamedTuple):
    """What a table's log says of its files at a version."""

    version: int
    files: int
    bytes: int
    rows: int


def shape(table: Table, root: Path) -> Shape:
    held = delta_table(table, root)
    files = pa.table(held.get_add_actions(flatten=True))
    size, rows = (pc.sum(files[name]).as_py() or 0 for name in ("size_bytes", "num_records"))
    return Shape(held.version(), files.num_rows, size, rows)


def optimize(spark: SparkSession, root: Path, what: Optimize, *, is_again: bool = False) -> Mapping[str, Any]:
    """
    Compact in one commit. Twice is once.

    Args:
        is_again: a writer died at it: what that one did is still to be proven (`earlier_versions`).

    Returns:
        Files, bytes and rows of the whole table, and its versions before and after.

    Raises:
        TableDamaged: the table has another number of rows than before.
    """
    earlier = _done_before(what.table, root) if is_again else None
    before = shape(what.table, root)
    work = SparkDeltaTable.forPath(spark, str(what.table.path(root))).optimize()
    if what.days:
        work = work.where(in_days(what))
    work.executeCompaction()
    after = shape(what.table, root)
    if after.rows != before.rows:
        keep_versions(spark, what.table, root)
        raise TableDamaged(
            f"Compacting {what.table.full_name}: it has {after.rows:,} rows, before it had {before.rows:,}."
            f" {_remedy(before.version)}"
        )
    return {
        "files_before": before.files,
        "files_after": after.files,
        "bytes_before": before.bytes,
        "bytes_after": after.bytes,
        "rows": after.rows,
        "version_before": before.version,
        "version_after": after.version,
        **({"earlier_versions": list(earlier)} if earlier else {}),
    }


def _done_before(table: Table, root: Path) -> tuple[int, int] | None:
    """The versions before and after the last compaction of the last minutes; None: there was none."""
    since = 1000 * (time.time() - DIED_WITHIN_SECONDS)
    for commit in delta_table(table, root).history(MOST_COMMITS):
        if commit.get("operation") == "OPTIMIZE" and commit["timestamp"] >= since:
            return commit["version"] - 1, commit["version"]
    return None


def in_days(what: Optimize) -> str:
    """As SQL. Dates, parsed: there is nothing in them that SQL could take for something else."""
    days = ", ".join(f"date'{day.isoformat()}'" for day in what.days)
    return f"{what.table.partition_by} in ({days})" if days else "true"


def prove(spark: SparkSession, root: Path, what: Optimize, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    The version before and the one after hold the same rows, whichever file they are in. Reads both; batches
    may go on meanwhile.

    Returns:
        `content`, a hash over all rows that were compacted.

    Raises:
        TableDamaged: they do not. Who has the turn keeps the versions then.
    """
    pairs = [(result["version_before"], result["version_after"])]
    if "earlier_versions" in result:
        pairs.append(tuple(result["earlier_versions"]))
    proven = "unchanged"
    for first, second in pairs:
        if first == second:
            continue
        before, after = (content(spark, root, what.table, one, in_days(what)) for one in (first, second))
        if before != after:
            raise TableDamaged(
                f"Compacting {what.table.full_name}: its content is not what it was, {after} instead of"
                f" {before}. {_remedy(first)}"
            )
        proven = after
    return {"content": proven}


def _remedy(version: int) -> str:
    return (
        f"Version {version} has it, and the table's log is kept for a month now:"
        " docs/runbooks/maintain_lake.md, 'A step failed'."
    )


def content(spark: SparkSession, root: Path, table: Table, version: int, where: str = "true") -> str:
    """Of a version: equal for equal rows, whichever file they are in."""
    rows = spark.read.format("delta").option("versionAsOf", version).load(str(table.path(root)))
    return content_text(*(rows.where(where).agg(*content_columns(table)).first() or (0, 0)))
