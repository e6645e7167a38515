"""Swaps a rebuilt table in for the lake's, in one commit."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
from deltalake.exceptions import DeltaError
from pyspark.sql import SparkSession

from include.errors import TableDamaged
from lake.reading import delta_table
from lake.tables import BRONZE_ORDERS, Table
from spark.streaming.delta_log import ensure_table
from spark.streaming.generation import app_id
from spark.streaming.ledger import generations
from spark.streaming.table_shape import findings_of

log = logging.getLogger(__name__)


class LastCommit(NamedTuple):
    """The last batch that bronze has, and the transaction id of the generation that wrote it."""

    app_id: str
    batch_id: int


def last_commit(root: Path, connection: psycopg.Connection, *, at_least: int) -> LastCommit:
    """
    Raises:
        TableDamaged: bronze ends before batch `at_least`, or cannot be read.
    """
    try:
        bronze = delta_table(BRONZE_ORDERS, root)
        known = ((app_id(g), bronze.transaction_version(app_id(g))) for g in generations(connection))
        found = [LastCommit(name, version) for name, version in known if version is not None]
    except (DeltaError, OSError) as error:
        raise _bronze_damaged(f"it cannot be read: {error}") from error
    last = max(found, key=lambda commit: commit.batch_id, default=None)
    if last is None or last.batch_id < at_least:
        raise _bronze_damaged(f"it ends at {last and last.batch_id}, the ledger at batch {at_least}")
    return last


def _bronze_damaged(finding: str) -> TableDamaged:
    return TableDamaged(
        f"Rebuilding silver and gold from bronze.orders: {finding}. Nothing was changed. Bronze itself"
        " can only come back from a backup or from the topic: docs/runbooks/supervise_streams.md,"
        " 'A table is damaged'."
    )


def replace(spark: SparkSession, table: Table, root: Path, source: Path, bronze: LastCommit) -> None:
    """
    Make the lake's table hold exactly what `table` under `source` holds. Twice is once.

    Its history stays, and readers see the old rows or the new ones. A table whose log cannot be read, or that
    cannot become what this code declares, is moved aside and begun anew.
    """
    path = table.path(root)
    if finding := _why_not_kept(table, root):
        _set_aside(table, root, finding)
    ensure_table(spark, table, root)
    rows = spark.read.format("delta").load(str(table.path(source)))
    swap = rows.write.format("delta").mode("overwrite")
    # The rows include the batch that bronze has and the ledger has not, if there is one. Its replay must find
    # them written, and Delta would take a transaction it knows already for this commit's own repetition. It
    # may know one whose commit is empty: the checksum file beside the commit has it, too.
    if delta_table(table, root).transaction_version(bronze.app_id) != bronze.batch_id:
        swap = swap.option("txnAppId", bronze.app_id).option("txnVersion", bronze.batch_id)
    swap.save(str(path))
    log.info("  %s is version %d", table.full_name, delta_table(table, root).version())


def _why_not_kept(table: Table, root: Path) -> str | None:
    if not table.path(root).exists():
        return None
    try:
        delta_table(table, root).get_add_actions()
        misfits = [f"{f.what} {f.text}" for f in findings_of(table, root) if f.state == "cannot"]
        return misfits[0] if misfits else None
    except (DeltaError, OSError) as error:
        return f"it cannot be read: {error}"


def _set_aside(table: Table, root: Path, finding: str) -> None:
    aside = root / "_replaced" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}" / table.layer / table.name
    aside.parent.mkdir(parents=True, exist_ok=True)
    table.path(root).rename(aside)
    log.info("  %s is now %s: %s", table.full_name, aside, finding)
