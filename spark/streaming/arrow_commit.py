"""
Commits Arrow rows to a Delta table with a checksum in every page.

delta-rs commits, but its own Parquet writer writes no checksums: of single flipped bits in its files four in
ten were read as other numbers, without an error. So Arrow writes the files and delta-rs makes them count.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction, RemoveAction

from lake.tables import Table

# An order_id of the contract. What is rejected may have a longer one, and the log is read by everybody.
LONGEST_TEXT = 64


def commit_arrow(
    held: DeltaTable, rows: pa.Table, table: Table, *, statistics: list[str], app_id: str, batch_id: int
) -> None:
    """
    Add the rows in one commit that carries `app_id` and `batch_id`. The caller sees to it that it happens
    once.

    Args:
        statistics: columns whose least and greatest value the log gets, so that readers can pass over a file.
    """
    name = f"part-{batch_id:012}-{app_id.rpartition(':')[2]}.zstd.parquet"
    root = Path(held.table_uri.removeprefix("file://"))
    actions: list[AddAction | RemoveAction] = [
        _write(root, f"{table.partition_by}={day}/{name}", part, {table.partition_by: str(day)}, statistics)
        for day, part in _by_partition(rows, table.partition_by)
    ]
    done = CommitProperties(app_transactions=[Transaction(app_id, batch_id)])
    held.create_write_transaction(
        actions, "append", held.schema(), [table.partition_by], commit_properties=done
    )


def _by_partition(rows: pa.Table, column: str) -> Iterator[tuple[Any, pa.Table]]:
    for value in sorted(pc.unique(rows[column]).to_pylist()):
        yield value, rows.filter(pc.equal(rows[column], value)).drop_columns([column])


def _write(
    root: Path, path: str, rows: pa.Table, partition: dict[str, str | None], statistics: list[str]
) -> AddAction:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    # The name says batch and generation: the replay of a batch that died before its commit writes it anew.
    pq.write_table(rows, file, compression="zstd", write_page_checksum=True, coerce_timestamps="us")
    return AddAction(
        path=path,
        size=file.stat().st_size,
        partition_values=partition,
        modification_time=time.time_ns() // 1_000_000,
        data_change=True,
        stats=json.dumps(_statistics(rows, statistics)),
    )


def _statistics(rows: pa.Table, columns: list[str]) -> dict[str, Any]:
    known = {name: _least_and_greatest(rows[name]) for name in columns}
    bounds = {name: found for name, found in known.items() if found is not None}
    return {
        "numRecords": rows.num_rows,
        "minValues": {name: least for name, (least, _) in bounds.items()},
        "maxValues": {name: greatest for name, (_, greatest) in bounds.items()},
        "nullCount": {name: rows[name].null_count for name in columns},
    }


def _least_and_greatest(column: pa.ChunkedArray) -> tuple[Any, Any] | None:
    """As the Delta protocol writes them; None when there is no value, or one too long to be worth it."""
    found = pc.min_max(column).as_py()
    least, greatest = found["min"], found["max"]
    if least is None or max(_length(least), _length(greatest)) > LONGEST_TEXT:
        return None
    if isinstance(least, datetime):
        # The log has whole milliseconds: never narrower than the file.
        return _instant(least), _instant(greatest + timedelta(microseconds=999))
    return _plain(least), _plain(greatest)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else 0


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
