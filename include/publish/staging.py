"""A day of the lake, as it was up to one batch, copied into the session's temp tables."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from include.copying import copy_rows
from include.errors import GateFailed
from include.publish.marts import execute, statement
from include.publish.snapshot import HOUR
from lake.reading import delta_table, record_batches
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS, Table

# Staged column ← column of the lake; the names differ only for the position in Kafka.
ORDER_COLUMNS = {
    "order_id": "order_id",
    "ordered_at": "ordered_at",
    "customer_id": "customer_id",
    "region": "region",
    "country": "country",
    "channel": "channel",
    "payment_method": "payment_method",
    "currency": "currency",
    "shipping_cents": "shipping_cents",
    "tax_cents": "tax_cents",
    "total_cents": "total_cents",
    "is_late": "is_late",
    "kafka_topic": "topic",
    "kafka_partition": "partition",
    "kafka_offset": "offset",
    "batch_id": "batch_id",
}
LINE_ORDER_COLUMNS = ("order_id", "ordered_at", "region")
LINE_COLUMNS = (
    "line_no", "product_id", "product_name", "category", "quantity", "unit_price_cents", "discount_cents",
)  # fmt: skip
PRODUCT_MINUTE_COLUMNS = ("minute_utc", "product_id", "region", "orders", "units", "revenue_cents")
ORDER_VALUE_MINUTE_COLUMNS = ("minute_utc", "region", "channel", "orders", "revenue_cents")

STAGING = "publish/staging.sql"

# For sorting the rows of an hour without a disk. A publisher is one session, and there are few of them.
WORK_MEMORY = "128MB"

SOURCES = (SILVER_ORDERS, GOLD_PRODUCT_SALES_MINUTE, GOLD_ORDER_VALUE_MINUTE)


@dataclass(frozen=True, slots=True)
class LakeView:
    """The tables a publish reads, each at one version, bounded by `batch_id`."""

    batch_id: int
    datasets: dict[Table, ds.Dataset]
    versions: dict[str, int]

    @property
    def source_versions(self) -> dict[str, int]:
        return {"batch_id": self.batch_id, **self.versions}

    def dataset_of(self, full_name: str) -> ds.Dataset:
        return next(one for table, one in self.datasets.items() if table.full_name == full_name)


def open_lake(root: Path, batch_id: int, wanted: Iterable[Table] = SOURCES) -> LakeView:
    """
    Open tables at their latest version. Read the ledger before this: the lake is never behind it.

    Raises:
        GateFailed: a table is missing.
    """
    tables = {table: _open(table, root) for table in wanted}
    versions = {f"{table.layer}_{table.name}": opened.version() for table, opened in tables.items()}
    return LakeView(batch_id, {t: opened.to_pyarrow_dataset() for t, opened in tables.items()}, versions)


def stage(connection: psycopg.Connection, lake: LakeView, hours: list[datetime]) -> None:
    """
    Make the staging tables hold the lake's rows from the first to the last of `hours`, all of one UTC day.

    Twice is once: they are emptied first.
    """
    with connection.transaction(), connection.cursor() as cursor:
        use_memory(connection)
        execute(connection, statement(STAGING))
        for batch in _batches(lake, SILVER_ORDERS, "ordered_at", hours, [*ORDER_COLUMNS.values(), "lines"]):
            copy_rows(cursor, "staged_orders", batch.select(list(ORDER_COLUMNS.values())), ORDER_COLUMNS)
            copy_rows(cursor, "staged_lines", lines_of(batch), (*LINE_ORDER_COLUMNS, *LINE_COLUMNS))
        for table, staged, columns in (
            (GOLD_PRODUCT_SALES_MINUTE, "staged_product_minutes", PRODUCT_MINUTE_COLUMNS),
            (GOLD_ORDER_VALUE_MINUTE, "staged_order_value_minutes", ORDER_VALUE_MINUTE_COLUMNS),
        ):
            for batch in _batches(lake, table, "minute_utc", hours, list(columns)):
                copy_rows(cursor, staged, batch, columns)
        # Nobody else does it for temp tables: without it a day of orders is planned as some hundred rows.
        cursor.execute(
            "analyze staged_orders, staged_lines, staged_product_minutes, staged_order_value_minutes"
        )


def use_memory(connection: psycopg.Connection) -> None:
    """Until the end of the transaction."""
    connection.execute("select set_config('work_mem', %s, true)", [WORK_MEMORY])


def lines_of(orders: pa.RecordBatch) -> pa.RecordBatch:
    """One row per line, with its order's columns in front."""
    lines = orders.column("lines")
    of_order = orders.select(list(LINE_ORDER_COLUMNS)).take(pc.list_parent_indices(lines))
    flat = pc.list_flatten(lines)
    columns = [*of_order.columns, *(pc.struct_field(flat, name) for name in LINE_COLUMNS)]
    return pa.RecordBatch.from_arrays(columns, names=[*LINE_ORDER_COLUMNS, *LINE_COLUMNS])


def _open(table: Table, root: Path) -> DeltaTable:
    try:
        return delta_table(table, root)
    except TableNotFoundError as error:
        raise GateFailed(
            f"Opening {table.full_name} at {table.path(root)}: there is no Delta table."
            " Nothing was published. Check that the lake writer and Airflow use the same lake root."
        ) from error


def _batches(
    lake: LakeView, table: Table, instant: str, hours: list[datetime], columns: list[str]
) -> Iterator[pa.RecordBatch]:
    first, end = min(hours), max(hours) + HOUR
    is_wanted = (
        (ds.field(table.partition_by) == first.date())
        & (ds.field(instant) >= first)
        & (ds.field(instant) < end)
        & (ds.field("batch_id") <= lake.batch_id)
    )
    return record_batches(lake.datasets[table], columns, is_wanted)
