"""Makes a table older than it is, as if its last write had been days ago: files, and what its log says."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path

from lake.tables import Table


def age_table(table: Table, root: Path, by: timedelta) -> None:
    """Call it before Spark has read the table at this path: it remembers logs."""
    then = time.time() - by.total_seconds()
    for commit in (table.path(root) / "_delta_log").glob("[0-9]*.json"):
        lines = [_aged(json.loads(line), by) for line in commit.read_text().splitlines()]
        commit.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        # Checksums beside it are of the text before.
        commit.with_name(f".{commit.name}.crc").unlink(missing_ok=True)
    for file in table.path(root).rglob("*"):
        os.utime(file, (then, then))


def _aged(action: dict[str, dict[str, int]], by: timedelta) -> dict[str, dict[str, int]]:
    if "remove" in action:
        action["remove"]["deletionTimestamp"] -= int(by.total_seconds() * 1_000)
    return action
