"""Append to the lake's tables once per batch, and read back from the files what a batch left in them."""

import json
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from delta.tables import DeltaTable as SparkDeltaTable
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from pyspark.sql import DataFrame, SparkSession

from include.errors import StreamError
from lake.schemas.orders import COLUMNS
from lake.tables import Table

TABLE_PROPERTIES = {
    # A batch every two seconds: a checkpoint every few minutes, commits kept for a week of questions.
    "delta.checkpointInterval": "100",
    "delta.logRetentionDuration": "interval 7 days",
    "delta.enableDeletionVectors": "false",
}
STATISTICS = ("batch_id", "partition", "offset", "ordered_at", "minute_utc", "order_id", "kafka_timestamp")


def ensure_table(spark: SparkSession, table: Table, root: Path) -> None:
    """Create the table as declared, unless it is there."""
    # Spark would do nothing either, but read the whole log first: seconds of every start.
    if DeltaTable.is_deltatable(str(table.path(root))):
        return
    columns = COLUMNS[table]
    properties = {
        **TABLE_PROPERTIES,
        "delta.dataSkippingStatsColumns": ",".join(name for name in STATISTICS if name in columns.names),
    }
    builder = SparkDeltaTable.createIfNotExists(spark).location(str(table.path(root))).addColumns(columns)
    for name, value in properties.items():
        builder = builder.property(name, value)
    builder.partitionedBy(table.partition_by).execute()


def append(rows: DataFrame, table: Table, root: Path, *, app_id: str, batch_id: int) -> None:
    """Add a batch's rows to `table` in one commit. A second call for the same batch changes nothing."""
    (
        rows.write.format("delta")
        .mode("append")
        .option("txnAppId", app_id)
        .option("txnVersion", batch_id)
        .save(str(table.path(root)))
    )


def append_arrow(rows: pa.Table, table: Table, root: Path, *, app_id: str, batch_id: int) -> None:
    """
    Like `append`, for rows that are in this process already: by delta-rs, which needs no Spark job for them.

    Both engines are parts of the one writer, and a table is written by one of them at a time.
    """
    held = DeltaTable(str(table.path(root)))
    last = held.transaction_version(app_id)
    if last is not None and last >= batch_id:
        return
    done = CommitProperties(app_transactions=[Transaction(app_id, batch_id)])
    write_deltalake(held, rows, mode="append", commit_properties=done)


def read_back(table: Table, root: Path, columns: list[str], *, app_id: str, batch_id: int) -> pa.Table:
    """
    What the batch's commit really holds, read from the files without Spark. Without such a commit: no rows.

    Raises:
        StreamError: a file of the commit is missing or damaged.
    """
    files = _files_of_batch(table.path(root), app_id, batch_id)
    try:
        parts = [pq.read_table(file, columns=columns, page_checksum_verification=True) for file in files]
    except (OSError, pa.ArrowException) as error:
        raise StreamError(
            f"Reading back batch {batch_id} of {table.full_name}: {error}. The batch is not closed. Check"
            " the disk under the lake; on the next start the batch is replayed."
        ) from error
    return pa.concat_tables(parts) if parts else pa.table({name: [] for name in columns})


def last_batch(table: Table, root: Path, *, app_id: str) -> int | None:
    """The last batch that `app_id` committed to the table."""
    return DeltaTable(str(table.path(root))).transaction_version(app_id)


def _files_of_batch(path: Path, app_id: str, batch_id: int) -> list[Path]:
    for number in range(_last_version(path), -1, -1):
        log = _commit_file(path, number)
        if not log.exists():  # cleaned up
            break
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        txn = next((a["txn"] for a in actions if a.get("txn", {}).get("appId") == app_id), None)
        if txn is not None and txn["version"] <= batch_id:
            added = [path / unquote(a["add"]["path"]) for a in actions if "add" in a]
            return added if txn["version"] == batch_id else []
    return []


def _commit_file(path: Path, version: int) -> Path:
    return path / "_delta_log" / f"{version:020}.json"


# To list a log of many days in every batch costs more than the batch; from the last known version it is a
# step or two.
_known_versions: dict[Path, int] = {}


def _last_version(path: Path) -> int:
    version = _known_versions.get(path)
    if version is None or not _commit_file(path, version).exists():
        version = max((int(log.stem) for log in (path / "_delta_log").glob("[0-9]*.json")), default=-1)
    while _commit_file(path, version + 1).exists():
        version += 1
    _known_versions[path] = version
    return version
