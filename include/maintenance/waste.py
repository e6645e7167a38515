"""What lies in the tables' folders beside what the tables hold, and what of it VACUUM would delete."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from deltalake.exceptions import TableNotFoundError

from include.settings import MaintenanceSettings
from include.table_files import Log, Unneeded, expired, log_of, retention, unneeded
from lake.reading import delta_table
from lake.tables import Table


class Heap(NamedTuple):
    """Some files."""

    files: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.files:,} files, {self.bytes / 1e6:,.1f} MB"


class Waste(NamedTuple):
    """
    A table's files that its newest version does not need. `unknown`: those of them of which the log knows
    nothing (any more). `expired`: those that VACUUM would delete now.
    """

    table: Table
    unneeded: Heap
    unknown: Heap
    expired: Heap
    oldest: datetime | None
    kept: timedelta
    log: Log

    def why(self, policy: MaintenanceSettings) -> str | None:
        """Why its expired files are to be deleted; None when they may lie."""
        few_files = self.expired.files < policy.vacuum_least_files
        if not self.expired.files or (few_files and self.expired.bytes < policy.vacuum_least_bytes):
            return None
        oldest = f", the oldest since {self.oldest:%Y-%m-%d}" if self.oldest else ""
        return f"{self.expired} that no version of the last {self.kept.days} days needs{oldest}"

    def as_json(self, policy: MaintenanceSettings) -> dict[str, Any]:
        """As a step of a plan: what lies beside the table, before and after."""
        return {
            "action": "vacuum",
            "table": self.table.full_name,
            "files": self.unneeded.files,
            "bytes": self.unneeded.bytes,
            "unknown_files": self.unknown.files,
            "expired_files": self.expired.files,
            "expired_bytes": self.expired.bytes,
            "expected_files": self.unneeded.files - self.expired.files,
            "expected_bytes": self.unneeded.bytes - self.expired.bytes,
            "why": self.why(policy),
        }


def waste_of(table: Table, root: Path, *, now: datetime) -> Waste | None:
    """
    None of a table that is not there yet.

    Raises:
        TableRequestRefused: the table's retention is shorter than a week.
    """
    try:
        kept = retention(delta_table(table, root))
        files, log = unneeded(table, root), log_of(table, root)
    except TableNotFoundError:
        return None
    oldest = min((file.since for file in files), default=None)
    unknown = [file for file in files if not file.is_in_log]
    return Waste(table, _heap(files), _heap(unknown), _heap(expired(files, kept, now=now)), oldest, kept, log)


def waste_in(tables: Iterable[Table], root: Path) -> list[Waste]:
    now = datetime.now(UTC)
    found = (waste_of(table, root, now=now) for table in tables)
    return [waste for waste in found if waste is not None]


def _heap(files: list[Unneeded]) -> Heap:
    return Heap(len(files), sum(file.bytes for file in files))
