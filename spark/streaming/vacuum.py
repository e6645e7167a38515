"""Files that no version within a table's retention needs are deleted; what the table holds stays as it is."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from delta.tables import DeltaTable as SparkDeltaTable
from pyspark.sql import SparkSession

from include.errors import TableDamaged, TableRequestFailed
from include.fault_points import Reach
from include.lake_readers import readers
from include.rebuild.record import undecided
from include.table_files import expired, files_in, retention, unneeded
from lake.reading import delta_table
from lake.tables import SHADOWS, Table
from spark.streaming.compaction import content, shape

RUNBOOK = "docs/runbooks/maintain_lake.md, 'VACUUM was refused'"
# A rebuild takes minutes to hours. What was not touched for this long belongs to one that was killed.
REBUILD_LASTS_AT_MOST = timedelta(days=1)


class State(NamedTuple):
    """What a table holds at a version."""

    table: Table
    version: int
    rows: int
    content: str


def state_of(spark: SparkSession, root: Path, table: Table) -> State:
    """Reads the whole table, at its newest version."""
    now = shape(table, root)
    return State(table, now.version, now.rows, content(spark, root, table, now.version))


def refuse_while_needed(connection: psycopg.Connection, root: Path, table: Table) -> None:
    """
    Who comes after this look opens a version whose files stay; so nobody has to wait for VACUUM, and it waits
    for nobody.

    Raises:
        TableRequestFailed: somebody who opened the lake before this look still reads it, or a rebuild lies
            in the shadow. No file was deleted.
    """
    lying = rebuilds(root, now=datetime.now(UTC), waiting=undecided(connection))
    holders = [str(reader) for reader in readers(connection)] + lying
    if holders:
        raise TableRequestFailed(
            f"Deleting files of {table.full_name}: the lake is read by {'; '.join(holders)}. No file was"
            f" deleted. Wait until they are through, then run it again: {RUNBOOK}."
        )


def rebuilds(root: Path, *, now: datetime, waiting: Collection[str] = ()) -> list[str]:
    """
    Rebuilds that lie in the shadow, as words. They hold the reader's lock too, but go on when PostgreSQL was
    away for seconds, and it has forgotten them then.
    """
    folder = root / SHADOWS
    ages = {path.name: now - _touched(path) for path in folder.iterdir()} if folder.is_dir() else {}
    return [
        f"a rebuild in {SHADOWS}/{name} (touched {age.total_seconds() / 60:.0f} minutes ago"
        f"{'; it differs, and waits in Airflow for an approval or its swap' if name in waiting else ''})"
        for name, age in sorted(ages.items())
        if age < REBUILD_LASTS_AT_MOST
    ]


def _touched(folder: Path) -> datetime:
    """When something in it changed last; logs of its tables change with every write."""
    newest = 0.0
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):  # the rebuild clears up meanwhile
            newest = max(newest, path.stat().st_mtime)
    return datetime.fromtimestamp(newest, UTC)


def vacuum(spark: SparkSession, root: Path, table: Table, reach: Reach) -> Mapping[str, Any]:
    """
    Delete the expired files of a table, one after the other, in the driver. Twice is once: what a run that
    was killed left, the next one deletes.

    Delta checks the retention by itself; that check is never switched off.

    Returns:
        What was deleted, and what lies there still that the newest version does not need.

    Raises:
        TableRequestRefused: the table's retention is shorter than a week. No file was deleted.
        TableDamaged: something else was deleted than what was to be.
    """
    held = delta_table(table, root)
    kept = retention(held)
    # A moment ahead of Delta's own clock: what expires in between may go, too.
    doomed = expired(unneeded(table, root), kept, now=datetime.now(UTC) + timedelta(minutes=5))
    before = _sizes(table, root)
    SparkDeltaTable.forPath(spark, str(table.path(root))).vacuum()
    reach(f"after_vacuum_of_{table.full_name}")
    after = _sizes(table, root)
    deleted = before.keys() - after.keys()
    if strange := deleted - {file.path for file in doomed}:
        raise TableDamaged(
            f"Deleting files of {table.full_name}: {len(strange)} files are gone that were to stay, such as"
            f" {min(strange)}. `saleslake rebuild --check` says whether rows are missing:"
            " docs/runbooks/supervise_streams.md, 'A table is damaged'."
        )
    left = unneeded(table, root)
    return {
        "version_before": held.version(),
        "version_after": delta_table(table, root).version(),
        "retention_days": kept / timedelta(days=1),
        "files_deleted": len(deleted),
        "bytes_deleted": sum(before[path] for path in deleted),
        "files_before": len(before),
        "files_after": len(after),
        "bytes_before": sum(before.values()),
        "bytes_after": sum(after.values()),
        "not_old_enough_files": len(left),
        "not_old_enough_bytes": sum(file.bytes for file in left),
    }


def prove_vacuum(
    spark: SparkSession, root: Path, before: State, done: Mapping[str, Any]
) -> Mapping[str, Any]:
    """
    What the table held before can be read in full and is what it was. Batches may go on meanwhile.

    Args:
        done: what `vacuum` returned.

    Raises:
        TableDamaged: it does not.
        PySparkException: one of its files is missing or damaged.
    """
    # VACUUM makes versions of its own, which hold the same: one of them, because Delta refuses to read a
    # version that is older than the retention and not the newest. Unless a batch came before it.
    is_same = done["version_before"] == before.version
    version = done["version_after"] if is_same else before.version
    found = content(spark, root, before.table, version)
    if found != before.content:
        raise TableDamaged(
            f"Deleting files of {before.table.full_name}: version {version} holds {found}, before it"
            f" held {before.content}. `saleslake rebuild --from-bronze` makes silver and gold anew:"
            " docs/runbooks/supervise_streams.md, 'A table is damaged'."
        )
    return {"rows": before.rows, "content": found}


def _sizes(table: Table, root: Path) -> dict[str, int]:
    return {path: status.st_size for path, status in files_in(table.path(root))}
