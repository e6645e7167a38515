"""
The last step of a batch: live views, hour ledger, progress and ledger row, in one PostgreSQL transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path

import psycopg
import pyarrow as pa
from psycopg import sql

from include.copying import copy_rows
from include.errors import CheckpointMismatch
from include.fault_points import Reach, pass_by

SQL = Path(__file__).with_name("sql")


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One partition of one batch: the columns of ops.ledger. Cents are what records claim as total_cents."""

    batch_id: int
    topic: str
    partition: int
    start_offset: int
    end_offset: int
    read_rows: int
    read_cents: int
    silver_rows: int
    silver_cents: int
    duplicate_rows: int
    duplicate_cents: int
    quarantined_rows: int
    quarantined_cents: int
    generation: str
    rescued_rows: int = 0  # of silver_rows: with fields that the contract does not know


@dataclass(frozen=True, slots=True)
class ClosedBatch:
    """What a batch added. `product_sales` and `order_value` have the columns of the gold tables."""

    ledger: Sequence[LedgerRow]
    product_sales: pa.Table
    order_value: pa.Table
    as_of: datetime | None  # everything Kafka had by then is in the lake
    seconds: float
    unknown_fields: Mapping[str, int] = field(default_factory=dict)  # orders in silver, by name
    steps: Mapping[str, float] = field(default_factory=dict)  # seconds of each so far, by name
    rejected: Mapping[str, int] = field(default_factory=dict)  # records by reason
    late_rows: int = 0  # of silver
    arrived_at: pa.ChunkedArray | None = None  # of every record, in Kafka

    @property
    def batch_id(self) -> int:
        return self.ledger[0].batch_id

    @property
    def rows(self) -> int:
        return sum(row.read_rows for row in self.ledger)


# Staged columns, in the order of the gold tables' schemas.
PRODUCT_SALES = (
    "minute_utc", "product_id", "region", "orders", "units", "revenue_cents",
    "product_name", "category", "named_at",
)  # fmt: skip
ORDER_VALUE = ("minute_utc", "region", "channel", "orders", "revenue_cents")


def close_batch(connection: psycopg.Connection, batch: ClosedBatch, reach: Reach = pass_by) -> bool:
    """
    Publish the batch to `live` and `ops`, all or nothing. Returns False when that had been done before.

    The ledger row is the guard: the batch number is its key, and it is written in the same transaction.

    Args:
        reach: told the steps inside the transaction, `after_live` and `after_ledger`.

    Raises:
        CheckpointMismatch: the ledger has this number for other records.
    """
    with connection.transaction(), connection.cursor() as cursor:
        if _is_closed(cursor, batch):
            return False
        _stage(cursor, "staged_product_sales", PRODUCT_SALES, batch.product_sales)
        _stage(cursor, "staged_order_value", ORDER_VALUE, batch.order_value)
        binds = {"batch_id": batch.batch_id}
        for name in ("live_product_sales_minute", "live_products", "live_order_value_minute", "hour_ledger"):
            cursor.execute((SQL / f"{name}.sql").read_text(), binds)
        _count_unknown_fields(cursor, batch)
        reach("after_live")
        _insert_ledger(cursor, batch.ledger)
        _record_progress(cursor, batch)
        reach("after_ledger")
    return True


def _is_closed(cursor: psycopg.Cursor, batch: ClosedBatch) -> bool:
    cursor.execute(
        "select topic, partition, start_offset, end_offset, generation::text from ops.ledger where batch_id"
        " = %s",
        [batch.batch_id],
    )
    closed = set(cursor.fetchall())
    wanted = {(r.topic, r.partition, r.start_offset, r.end_offset, r.generation) for r in batch.ledger}
    if closed and closed != wanted:
        raise CheckpointMismatch(
            f"Closing batch {batch.batch_id} with {sorted(wanted)}: ops.ledger has that number for"
            f" {sorted(closed)}, other records. The batch is not closed. This database belongs to another"
            " lake, or the lake was restored from an older state: docs/runbooks/supervise_streams.md,"
            " 'Checkpoint'."
        )
    return bool(closed)


def _stage(cursor: psycopg.Cursor, table: str, columns: tuple[str, ...], rows: pa.Table) -> None:
    cursor.execute((SQL / f"{table}.sql").read_text())
    copy_rows(cursor, table, rows.select(columns), columns)


def _count_unknown_fields(cursor: psycopg.Cursor, batch: ClosedBatch) -> None:
    statement = (SQL / "live_unknown_fields.sql").read_text()
    for name, orders in sorted(batch.unknown_fields.items()):
        cursor.execute(statement, {"field": name, "orders": orders, "batch_id": batch.batch_id})


def _insert_ledger(cursor: psycopg.Cursor, rows: Sequence[LedgerRow]) -> None:
    names = [field.name for field in fields(LedgerRow)]
    insert = sql.SQL("insert into ops.ledger ({}) values ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(map(sql.Placeholder, names))
    )
    cursor.executemany(insert, [asdict(row) for row in rows])


def _record_progress(cursor: psycopg.Cursor, batch: ClosedBatch) -> None:
    cursor.execute(
        (SQL / "progress_of_batch.sql").read_text(),
        {
            "batch_id": batch.batch_id,
            "batch_rows": batch.rows,
            "batch_seconds": batch.seconds,
            "as_of": batch.as_of,
        },
    )
