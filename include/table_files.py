"""
What lies in a table's folder, against what its log speaks of: the files that the newest version does not
need, since when, and which of them VACUUM may delete.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from include.errors import TableRequestRefused
from lake.reading import delta_table
from lake.tables import Table

RETENTION = "delta.deletedFileRetentionDuration"
# Delta's own default, and the least that anybody gets here.
LEAST_RETENTION = timedelta(days=7)
INTERVAL = re.compile(r"interval\s+(\d+)\s+(hour|day|week)s?", re.IGNORECASE)


class Unneeded(NamedTuple):
    """
    A file that the newest version does not refer to. `since`: when it was removed from the table, or was last
    written, whichever is later. `is_in_log`: the log still has its removal; otherwise it was removed long
    ago, or never belonged to the table (a writer died before its commit).
    """

    path: str
    bytes: int
    since: datetime
    is_in_log: bool


class Log(NamedTuple):
    """How long a table's log is: what whoever opens the table reads."""

    version: int
    commits_since_checkpoint: int
    files: int
    bytes: int


def retention(held: DeltaTable) -> timedelta:
    """
    How long a file is kept after it was removed from the table.

    Raises:
        TableRequestRefused: it is shorter than a reader may rely on, or is not said in hours, days or weeks.
    """
    said = held.metadata().configuration.get(RETENTION) or "interval 7 days"
    found = INTERVAL.fullmatch(said.strip())
    kept = timedelta(**{f"{found[2].lower()}s": int(found[1])}) if found else timedelta(0)
    if kept < LEAST_RETENTION:
        raise TableRequestRefused(
            f"Looking for files to delete in {held.table_uri}: its property {RETENTION} is {said!r}, which is"
            f" not {LEAST_RETENTION.days} days or more. No file was deleted. Set it to at least 'interval 7"
            " days': docs/runbooks/maintain_lake.md, 'VACUUM was refused'."
        )
    return kept


def unneeded(table: Table, root: Path) -> list[Unneeded]:
    """
    Every file in the table's folder that its newest version does not need, the oldest first.

    Raises:
        deltalake.exceptions.TableNotFoundError: there is no such table.
    """
    # The folder first: a file that is committed in between is in the log by the time that is read.
    lying = dict(files_in(table.path(root)))
    held = delta_table(table, root)
    needed = {unquote(path) for path in pa.table(held.get_add_actions(flatten=True))["path"].to_pylist()}
    removed = removals(table.path(root))
    found = []
    for path, status in lying.items():
        if path in needed:
            continue
        written = datetime.fromtimestamp(status.st_mtime, UTC)
        since = max(written, removed.get(path, written))
        found.append(Unneeded(path, status.st_size, since, path in removed))
    return sorted(found, key=lambda file: (file.since, file.path))


def expired(files: list[Unneeded], kept: timedelta, *, now: datetime) -> list[Unneeded]:
    """Those that VACUUM deletes, by Delta's own rule: not needed, and old enough."""
    return [file for file in files if file.since < now - kept]


def files_in(folder: Path, below: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Data files by their path in the table. What begins with `_` or `.` is none: log, checksums, drafts."""
    with os.scandir(folder / below) as entries:
        for entry in entries:
            if entry.name.startswith(("_", ".")):
                continue
            path = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from files_in(folder, f"{path}/")
            else:
                yield path, entry.stat(follow_symlinks=False)


def removals(folder: Path) -> dict[str, datetime]:
    """When files were removed from the table, as far back as its log tells."""
    log = folder / "_delta_log"
    checkpoint = last_checkpoint(log)
    found: dict[str, datetime] = {}
    for part in sorted(log.glob(f"{checkpoint:020}.checkpoint*.parquet")):
        rows = pq.read_table(part, columns=["remove"])["remove"].combine_chunks()
        for remove in rows.filter(rows.is_valid()).to_pylist():
            _note(found, remove)
    for _, lines in commits_since(log, checkpoint):
        for action in lines:
            if "add" in action:
                found.pop(unquote(action["add"]["path"]), None)
            if "remove" in action:
                _note(found, action["remove"])
    return found


def _note(found: dict[str, datetime], remove: Mapping[str, Any]) -> None:
    at = float(remove.get("deletionTimestamp") or 0) / 1_000
    found[unquote(str(remove["path"]))] = datetime.fromtimestamp(at, UTC)


def last_checkpoint(log: Path) -> int:
    """Its version; -1 before the first."""
    pointer = log / "_last_checkpoint"
    return int(json.loads(pointer.read_text())["version"]) if pointer.exists() else -1


def commits_since(log: Path, checkpoint: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    version = checkpoint + 1
    while (commit := log / f"{version:020}.json").exists():
        yield version, [json.loads(line) for line in commit.read_text().splitlines() if line]
        version += 1


def log_of(table: Table, root: Path) -> Log:
    """
    Raises:
        deltalake.exceptions.TableNotFoundError: there is no such table.
    """
    version = delta_table(table, root).version()
    log = table.path(root) / "_delta_log"
    sizes = [entry.stat().st_size for entry in os.scandir(log) if not entry.name.startswith(".")]
    return Log(version, version - last_checkpoint(log), len(sizes), sum(sizes))
