"""A lake writer for tests of what comes after it: the same tables and ledgers, without Spark."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
from deltalake import write_deltalake
from pyspark.sql.pandas.types import to_arrow_schema

from lake.schemas.orders import COLUMNS
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS, Table
from tests.orders import line

GENERATION = UUID("00000000-0000-4000-8000-000000000001")
Row = dict[str, Any]


def silver_order(order_id: str, ordered_at: datetime, **changes: Any) -> Row:
    """A row of silver.orders without its batch: 1,900 cents of goods, 250 of shipping and tax."""
    lines = changes.get("lines", [line()])
    goods = sum(one["quantity"] * one["unit_price_cents"] - one["discount_cents"] for one in lines)
    return {
        "schema_version": 1,
        "event_id": f"E-{order_id}",
        "order_id": order_id,
        "ordered_at": ordered_at,
        "customer_id": "C-1",
        "customer_email_hmac": None,
        "region": "EMEA",
        "country": "DE",
        "channel": "web",
        "payment_method": "card",
        "currency": "USD",
        "lines": lines,
        "shipping_cents": 200,
        "tax_cents": 50,
        "total_cents": goods + 250,
        "rescued": None,
        "is_late": False,
        "order_hash": "0" * 64,
        "kafka_timestamp": ordered_at,
        "topic": "orders.v1",
        "partition": 0,
        "date_utc": ordered_at.date(),
        **changes,
    }


@dataclass
class LakeDouble:
    """Delta tables under `root`, ledgers through `connection` (autocommit, as sales_loader)."""

    root: Path
    connection: psycopg.Connection
    batch_id: int = -1
    offset: int = 0
    written: set[Table] = field(default_factory=set)

    def batch(self, orders: Iterable[Row], as_of: datetime) -> int:
        """One batch as the lake writer writes it: Delta tables first, then the ledgers at once."""
        self.batch_id += 1
        first = self.offset
        rows = [self._with_position(order) for order in orders]
        self.append(SILVER_ORDERS, rows)
        self.append(GOLD_PRODUCT_SALES_MINUTE, self._product_minutes(rows))
        self.append(GOLD_ORDER_VALUE_MINUTE, self._order_value_minutes(rows))
        self._close(rows, first, as_of)
        return self.batch_id

    def append(self, table: Table, rows: list[Row]) -> None:
        schema = to_arrow_schema(COLUMNS[table], timezone="UTC", prefers_large_types=False)
        data = pa.Table.from_pylist(rows, schema=schema)
        write_deltalake(str(table.path(self.root)), data, partition_by=[table.partition_by], mode="append")

    def _with_position(self, order: Row) -> Row:
        self.offset += 1
        return {**order, "offset": self.offset - 1, "batch_id": self.batch_id}

    def _product_minutes(self, rows: list[Row]) -> list[Row]:
        sums: dict[tuple, Row] = {}
        for row in rows:
            counted = set()
            for one in row["lines"]:
                key = (row["ordered_at"].replace(second=0, microsecond=0), one["product_id"], row["region"])
                cell = sums.setdefault(key, {"orders": 0, "units": 0, "revenue_cents": 0})
                cell["orders"] += key not in counted
                counted.add(key)
                cell["units"] += one["quantity"]
                cell["revenue_cents"] += one["quantity"] * one["unit_price_cents"] - one["discount_cents"]
        names = ("minute_utc", "product_id", "region")
        return [self._gold(names, key, cell) for key, cell in sums.items()]

    def _order_value_minutes(self, rows: list[Row]) -> list[Row]:
        sums: dict[tuple, Row] = {}
        for row in rows:
            key = (row["ordered_at"].replace(second=0, microsecond=0), row["region"], row["channel"])
            cell = sums.setdefault(key, {"orders": 0, "revenue_cents": 0})
            cell["orders"] += 1
            cell["revenue_cents"] += row["total_cents"]
        return [self._gold(("minute_utc", "region", "channel"), key, cell) for key, cell in sums.items()]

    def _gold(self, names: tuple[str, ...], key: tuple, cell: Row) -> Row:
        return {
            **dict(zip(names, key, strict=True)),
            **cell,
            "batch_id": self.batch_id,
            "date_utc": key[0].date(),
        }

    def _close(self, rows: list[Row], first_offset: int, as_of: datetime) -> None:
        hours: defaultdict[datetime, list[int]] = defaultdict(list)
        for row in rows:
            hours[row["ordered_at"].replace(minute=0, second=0, microsecond=0)].append(row["total_cents"])
        cents = sum(row["total_cents"] for row in rows)
        with self.connection.transaction():
            if rows:
                self.connection.execute(
                    "insert into ops.ledger"
                    " values (%s, 'orders.v1', 0, %s, %s, %s, %s, %s, %s, 0, 0, 0, 0, %s)",
                    (
                        self.batch_id,
                        first_offset,
                        self.offset,
                        len(rows),
                        cents,
                        len(rows),
                        cents,
                        GENERATION,
                    ),
                )
            for hour, amounts in hours.items():
                self.connection.execute(
                    "insert into ops.hour_ledger values (%s, %s, %s, %s) on conflict (hour_utc) do update set"
                    " orders = hour_ledger.orders + excluded.orders,"
                    " revenue_cents = hour_ledger.revenue_cents + excluded.revenue_cents,"
                    " last_batch_id = excluded.last_batch_id",
                    (hour, len(amounts), sum(amounts), self.batch_id),
                )
            self.progress(as_of)

    def progress(self, as_of: datetime) -> None:
        self.connection.execute(
            "insert into ops.stream_progress (stream, generation, state, batch_id, as_of, heartbeat_at,"
            " started_at, pid) values ('orders', %s, 'running', %s, %s, now(), now(), 1)"
            " on conflict (stream) do update set batch_id = excluded.batch_id, as_of = excluded.as_of,"
            " heartbeat_at = now()",
            (GENERATION, self.batch_id, as_of.astimezone(UTC)),
        )
