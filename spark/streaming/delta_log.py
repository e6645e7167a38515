"""Append to the lake's tables once per batch, and read back from the files what a batch left in them."""

import json
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from delta.tables import DeltaTable as SparkDeltaTable
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from include.errors import StreamError
from include.table_files import RETENTION
from lake.reading import delta_table, record_batches
from lake.schemas.orders import COLUMNS
from lake.tables import Table
from spark.streaming.arrow_commit import commit_arrow
from spark.streaming.table_shape import missing_columns

LOG_RETENTION = "delta.logRetentionDuration"
TABLE_PROPERTIES = {
    # A batch every two seconds: a checkpoint every few minutes.
    "delta.checkpointInterval": "100",
    # Every commit lists the log's whole folder, several times: a thousand commits in it cost 20 ms.
    LOG_RETENTION: "interval 30 minutes",
    # As long is a file kept that was removed from the table: whoever reads a version that had it goes on.
    RETENTION: "interval 7 days",
    "delta.enableDeletionVectors": "false",
}
# What tables got before: longer than a stream on a local disk can go on with.
FORMER_RETENTIONS = ("interval 7 days", "interval 1 hours")
# For a table that somebody has to look at, and perhaps to restore.
LONG_RETENTION = "interval 30 days"
STATISTICS = ("batch_id", "partition", "offset", "ordered_at", "minute_utc", "order_id", "kafka_timestamp")


def statistics_of(table: Table) -> list[str]:
    """The columns whose least and greatest value per file stand in the table's log."""
    return [name for name in STATISTICS if name in COLUMNS[table].names]


def ensure_table(spark: SparkSession, table: Table, root: Path) -> None:
    """
    Create the table as declared, or add the columns that were declared since. Twice is once.

    Raises:
        UpgradeRefused: it is there and cannot become what is declared; nothing was changed.
    """
    # Spark would find out too, but read the whole log first: seconds of every start.
    if DeltaTable.is_deltatable(str(table.path(root))):
        _grow(spark, table, root)
        _shorten_log(spark, table, root)
        return
    columns = COLUMNS[table]
    properties = {
        **TABLE_PROPERTIES,
        "delta.dataSkippingStatsColumns": ",".join(statistics_of(table)),
    }
    builder = SparkDeltaTable.createIfNotExists(spark).location(str(table.path(root))).addColumns(columns)
    for name, value in properties.items():
        builder = builder.property(name, value)
    builder.partitionedBy(table.partition_by).execute()


def _grow(spark: SparkSession, table: Table, root: Path) -> None:
    new = ", ".join(
        f"`{field.name}` {field.dataType.simpleString()}" for field in missing_columns(table, root)
    )
    if new:
        spark.sql(f"alter table delta.`{table.path(root)}` add columns ({new})")


def _shorten_log(spark: SparkSession, table: Table, root: Path) -> None:
    """The next checkpoint removes what is older. A time that somebody chose stays."""
    if delta_table(table, root).metadata().configuration.get(LOG_RETENTION) in FORMER_RETENTIONS:
        _set_log_retention(spark, table, root, TABLE_PROPERTIES[LOG_RETENTION])


def keep_versions(spark: SparkSession, table: Table, root: Path) -> None:
    """What can be read and restored of it now can be for a month, or until somebody unsets the property."""
    _set_log_retention(spark, table, root, LONG_RETENTION)


def _set_log_retention(spark: SparkSession, table: Table, root: Path, interval: str) -> None:
    wanted = f"'{LOG_RETENTION}' = '{interval}'"
    spark.sql(f"alter table delta.`{table.path(root)}` set tblproperties ({wanted})")


class HeldTables:
    """
    The lake's tables as one writer holds them: opened once, then kept up with their logs. To open a table is
    to read all that was removed from it within a week, which takes longer every day; to catch up is not.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._held: dict[Table, DeltaTable] = {}

    def newest(self, table: Table) -> DeltaTable:
        """The table at its latest version. One that could not catch up is opened anew the next time."""
        held = self._held.pop(table, None)
        if held is None:
            held = delta_table(table, self._root)
        else:
            held.update_incremental()
        self._held[table] = held
        return held


def append(rows: DataFrame, table: Table, root: Path, *, app_id: str, batch_id: int) -> None:
    """Add a batch's rows to `table` in one commit. A second call for the same batch changes nothing."""
    (
        rows.write.format("delta")
        .mode("append")
        .option("txnAppId", app_id)
        .option("txnVersion", batch_id)
        .save(str(table.path(root)))
    )


def append_arrow(rows: pa.Table, table: Table, tables: HeldTables, *, app_id: str, batch_id: int) -> None:
    """
    Like `append`, for rows that are in this process: by delta-rs, which needs no Spark job for them.

    Both engines are parts of the one writer, and a table is written by one of them at a time.
    """
    held = tables.newest(table)
    last = held.transaction_version(app_id)
    if last is not None and last >= batch_id:
        return
    commit_arrow(held, rows, table, statistics=statistics_of(table), app_id=app_id, batch_id=batch_id)


def read_back(table: Table, root: Path, columns: list[str], *, app_id: str, batch_id: int) -> pa.Table:
    """
    What the table really holds of a batch, read from the files without Spark. Without its commit: no rows.

    Raises:
        StreamError: a file is missing or damaged.
    """
    files = _files_of_batch(table.path(root), app_id, batch_id)
    try:
        parts = [_rows(file, columns, batch_id) for file in files] if files is not None else None
        if parts is None:
            parts = _rows_wherever(table, root, columns, batch_id)
    except (OSError, pa.ArrowException) as error:
        raise StreamError(
            f"Reading back batch {batch_id} of {table.full_name}: {error}. The batch is not closed. Check"
            " the disk under the lake; on the next start the batch is replayed."
        ) from error
    return pa.concat_tables(parts) if parts else pa.table({name: [] for name in columns})


def _rows(file: Path, columns: list[str], batch_id: int) -> pa.Table:
    only = [("batch_id", "=", batch_id)]
    return pq.read_table(file, columns=columns, filters=only, page_checksum_verification=True)


def _rows_wherever(table: Table, root: Path, columns: list[str], batch_id: int) -> list[pa.Table]:
    dataset = delta_table(table, root).to_pyarrow_dataset()
    rows = record_batches(dataset, columns, ds.field("batch_id") == batch_id)
    return [pa.Table.from_batches([batch]) for batch in rows]


def last_batch(table: Table, root: Path, *, app_id: str) -> int | None:
    """The last batch that `app_id` committed to the table."""
    return delta_table(table, root).transaction_version(app_id)


def _files_of_batch(path: Path, app_id: str, batch_id: int) -> list[Path] | None:
    """The files of the batch's commit; None when later ones moved its rows, or the log is too short."""
    removed: set[str] = set()
    for number in range(_last_version(path), -1, -1):
        log = _commit_file(path, number)
        if not log.exists():  # cleaned up
            return None
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        txn = next((action["txn"] for action in actions if "txn" in action), None)
        if txn is not None and txn["version"] <= batch_id:
            # Numbers of batches go on from one generation to the next.
            if (txn["appId"], txn["version"]) != (app_id, batch_id):
                break
            added = [action["add"]["path"] for action in actions if "add" in action]
            return None if removed.intersection(added) else [path / unquote(file) for file in added]
        removed.update(action["remove"]["path"] for action in actions if "remove" in action)
    return None if removed else []


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
