"""Does every table hold what the ledger says, as far as its log and its files' sizes can tell?"""

import json
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from include.errors import TableDamaged
from lake.reading import delta_table
from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
    Table,
)
from spark.streaming.generation import app_id
from spark.streaming.ledger import Holding, generations, holdings, last_closed

RUNBOOK = "docs/runbooks/supervise_streams.md, 'A table is damaged'"
# What of the ledger a table's rows are; gold has sums, whose rows the ledger does not count.
LAYERS = {
    BRONZE_ORDERS: "bronze",
    SILVER_ORDERS: "silver",
    SILVER_REJECTED: "rejected",
    GOLD_PRODUCT_SALES_MINUTE: "silver",
    GOLD_ORDER_VALUE_MINUTE: "silver",
}
COUNTED = (BRONZE_ORDERS, SILVER_ORDERS, SILVER_REJECTED)


def verify_tables(root: Path, connection: psycopg.Connection) -> None:
    """
    Every table's log can be read to its end and has the last batch that the ledger closed for it, and each of
    its files is there in full; bronze, silver and rejected have as many rows as the ledger.

    Raises:
        TableDamaged: which table, and what was found.
    """
    closed = last_closed(connection)
    if closed is None:
        return
    known, wanted = generations(connection), holdings(connection)
    for table, layer in LAYERS.items():
        check_table(table, root, wanted[layer], known, closed.batch_id)


def check_table(table: Table, root: Path, wanted: Holding, known: list[str], closed_batch: int) -> None:
    """
    As `verify_tables`, for one table.

    Args:
        known: the lake's generations.
        closed_batch: rows of later batches do not count.
    """
    held = opened(table, root)
    _refuse_torn_commit(table, root, held.version())
    last = max((v for g in known if (v := held.transaction_version(app_id(g))) is not None), default=None)
    if wanted.last_batch_id is not None and (last is None or last < wanted.last_batch_id):
        raise damaged(
            table, f"its log ends at batch {last}, the ledger has closed batch {wanted.last_batch_id} for it"
        )
    files = pa.table(held.get_add_actions(flatten=True))
    _refuse_missing_files(table, root, files)
    if table in COUNTED:
        _refuse_other_count(table, files, wanted.rows, closed_batch)


def opened(table: Table, root: Path) -> DeltaTable:
    """
    The table at its latest version.

    Raises:
        TableDamaged: its log cannot be read.
    """
    try:
        return delta_table(table, root)
    except (DeltaError, OSError) as error:
        raise damaged(table, f"its log cannot be read: {error}") from error


def _refuse_torn_commit(table: Table, root: Path, version: int) -> None:
    commit = table.path(root) / "_delta_log" / f"{version:020}.json"
    try:
        lines = [json.loads(line) for line in commit.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise damaged(table, f"its last commit {commit.name} cannot be read: {error}") from error
    if not lines:
        # Readers take an empty commit for one that changed nothing, and miss its rows without a word.
        raise damaged(table, f"its last commit {commit.name} is empty")


def _refuse_missing_files(table: Table, root: Path, files: pa.Table) -> None:
    for path, size in zip(files["path"].to_pylist(), files["size_bytes"].to_pylist(), strict=True):
        file = table.path(root) / unquote(path)
        found = file.stat().st_size if file.is_file() else None
        if found != size:
            state = "is missing" if found is None else f"has {found} bytes instead of {size}"
            raise damaged(table, f"its file {path} {state}")


def _refuse_other_count(table: Table, files: pa.Table, wanted: int, closed_batch: int) -> None:
    # A batch that is not closed yet may be there: its files hold nothing else.
    closed = files.filter(pc.less_equal(files["min.batch_id"], closed_batch)) if files.num_rows else files
    found = pc.sum(closed["num_records"]).as_py() or 0
    if found != wanted:
        raise damaged(table, f"it has {found:,} rows of closed batches, the ledger {wanted:,}")


def damaged(table: Table, finding: str) -> TableDamaged:
    heals = (
        "Bronze is what everything else is made from, so put it back from a backup, or make a new lake"
        if table is BRONZE_ORDERS
        else "`saleslake rebuild --from-bronze` makes it anew"
    )
    return TableDamaged(
        f"Checking {table.full_name} before the start: {finding}. The stream did not start and nothing was"
        f" written; orders wait in Kafka. {heals}: {RUNBOOK}."
    )
