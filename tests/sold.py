"""Sales and batches written into the database `sales` as the stream and the publisher write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from include.stream_watch import STREAM

GENERATION = "00000000-0000-0000-0000-000000000001"
REGIONS = ("AMER", "EMEA", "APAC", "LATAM")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def forget(owner: psycopg.Connection) -> None:
    """The database is as the migrations left it. `owner` is a superuser's connection."""
    owner.execute(
        "truncate live.products, live.product_sales_minute, live.order_value_minute, ops.ledger,"
        " ops.stream_progress, ops.stream_restarts, ops.table_requests, marts.region_sales_hourly,"
        " marts.publications, marts.restatements restart identity"
    )


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def insert(connection: psycopg.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    marks = ", ".join(f"%({name})s" for name in names)
    connection.cursor().executemany(
        f"insert into {table} ({', '.join(names)}) values ({marks})".encode(), rows
    )


def sell(
    connection: psycopg.Connection,
    minute: datetime,
    region: str = "EMEA",
    *,
    orders: int = 1,
    cents: int = 1_000,
    product: str = "P-1",
) -> None:
    """Orders of one product, all in one minute and region."""
    connection.execute(
        "insert into live.products values (%s, %s, 'Garden', %s) on conflict do nothing",
        [product, f"Product {product}", minute],
    )
    connection.execute(
        "insert into live.product_sales_minute values (%s, %s, %s, %s, %s, %s)"
        " on conflict (minute_utc, product_id, region) do update set units ="
        " live.product_sales_minute.units + excluded.units",
        [minute, product, region, orders, 2 * orders, cents * orders],
    )
    connection.execute(
        "insert into live.order_value_minute values (%s, %s, 'web', %s, %s)"
        " on conflict (minute_utc, region, channel) do update set"
        " orders = live.order_value_minute.orders + excluded.orders,"
        " revenue_cents = live.order_value_minute.revenue_cents + excluded.revenue_cents",
        [minute, region, orders, cents * orders],
    )


def report(connection: psycopg.Connection, **changed: Any) -> None:
    """The stream says that it runs and has read everything."""
    now = datetime.now(UTC)
    row = {"stream": STREAM, "generation": GENERATION, "state": "running", "pid": 4_711, "batch_id": 7,
           "last_batch_at": now, "batch_rows": 200, "batch_seconds": 2.0, "as_of": now, "lag_records": 0,
           "heartbeat_at": now, "started_at": now - HOUR, **changed}  # fmt: skip
    connection.execute("delete from ops.stream_progress")
    insert(connection, "ops.stream_progress", [row])


def close_batch(connection: psycopg.Connection, batch_id: int, closed_at: datetime, **changed: Any) -> None:
    """A batch of one partition: ten records, nine accepted, one quarantined. Batches follow each other."""
    row = {"batch_id": batch_id, "topic": "orders.v1", "partition": 0, "start_offset": 10 * batch_id,
           "end_offset": 10 * batch_id + 10, "read_rows": 10, "read_cents": 10_000, "silver_rows": 9,
           "silver_cents": 9_000, "duplicate_rows": 0, "duplicate_cents": 0, "quarantined_rows": 1,
           "quarantined_cents": 1_000, "generation": GENERATION, "closed_at": closed_at,
           **changed}  # fmt: skip
    insert(connection, "ops.ledger", [row])


def publish(
    connection: psycopg.Connection, hour: datetime, *, orders: int, cents: int, completeness: float
) -> None:
    """The hour is in the mart of regions, and among the publications."""
    shared = {"hour_utc": hour, "version": 1, "as_of": hour + HOUR, "completeness": completeness}
    insert(connection, "marts.region_sales_hourly", [
        {**shared, "region": "EMEA", "orders": orders, "revenue_cents": cents, "is_restated": False},
    ])  # fmt: skip
    for mart in ("fct_orders", "region_sales_hourly"):
        insert(connection, "marts.publications", [
            {**shared, "mart": mart, "source_versions": "{}", "row_count": orders, "amount_cents": cents,
             "content_hash": "0", "batch_id": 7, "run_id": "manual__1"},
        ])  # fmt: skip
