"""What would make the lake's tables cheaper to read: which files of which day, and why."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import TableNotFoundError

from include.settings import MaintenanceSettings
from lake.reading import delta_table
from lake.tables import Table

# What Delta makes of small files.
LARGEST_FILE_BYTES = 1024**3


class DayOfTable(NamedTuple):
    """The files of one partition, as the table's log has them."""

    table: Table
    day: date
    files: int
    small_files: int
    bytes: int
    small_bytes: int


class Step(NamedTuple):
    """Compact one day of one table."""

    of: DayOfTable
    why: str

    @property
    def expected_files(self) -> int:
        large = self.of.files - self.of.small_files  # stay as they are
        return large + max(1, -(-self.of.small_bytes // LARGEST_FILE_BYTES))

    def as_json(self) -> dict[str, Any]:
        return {
            "action": "compact",
            "table": self.of.table.full_name,
            "day": self.of.day.isoformat(),
            "files": self.of.files,
            "bytes": self.of.bytes,
            "expected_files": self.expected_files,
            "expected_bytes": self.of.bytes,  # at most: one file compresses better than many
            "why": self.why,
        }


class Plan(NamedTuple):
    """`left` are the days of which nothing is to be done."""

    steps: list[Step]
    left: list[DayOfTable]

    def headline(self) -> str:
        files = sum(step.of.files for step in self.steps)
        expected = sum(step.expected_files for step in self.steps)
        if not self.steps:
            return f"Nothing to do: {len(self.left)} days of tables are as they should be."
        return (
            f"{len(self.steps)} days of tables to compact, {files:,} files become about {expected:,};"
            f" {len(self.left)} are left as they are."
        )


def days_of(table: Table, root: Path, small_file_bytes: int) -> list[DayOfTable]:
    """Every day of a table; none of a table that is not there yet."""
    try:
        held = delta_table(table, root)
    except TableNotFoundError:
        return []
    files = pa.table(held.get_add_actions(flatten=True))
    day = files[f"partition.{table.partition_by}"].cast(pa.date32())
    sized = pa.table({"day": day, "bytes": files["size_bytes"].cast(pa.int64())})
    small = pc.if_else(pc.less(sized["bytes"], small_file_bytes), sized["bytes"], None)
    sums = (
        sized.append_column("small", small)
        .group_by("day")
        .aggregate([("bytes", "count"), ("small", "count"), ("bytes", "sum"), ("small", "sum")])
        .sort_by("day")
    )
    return [
        DayOfTable(
            table,
            day=row["day"],
            files=row["bytes_count"],
            small_files=row["small_count"],
            bytes=row["bytes_sum"],
            small_bytes=row["small_sum"] or 0,
        )
        for row in sums.to_pylist()
    ]


def plan_of(days: Iterable[DayOfTable], policy: MaintenanceSettings, *, today: date) -> Plan:
    """The days with too many small files, the worst first."""
    plan = Plan([], [])
    for one in days:
        why = _why(one, policy, today)
        if why is None:
            plan.left.append(one)
        else:
            plan.steps.append(Step(one, why))
    plan.steps.sort(key=lambda step: (-step.of.small_files, step.of.table.full_name, step.of.day))
    return plan


def _why(one: DayOfTable, policy: MaintenanceSettings, today: date) -> str | None:
    is_over = one.day < today
    most = policy.most_small_files if is_over else policy.most_small_files_today
    if one.small_files < most:
        return None
    which = "a day that is over" if is_over else "a day that still grows"
    small = f"{one.small_files:,} files below {policy.small_file_bytes >> 20} MiB"
    return f"{small}; {most:,} are too many for {which}"
