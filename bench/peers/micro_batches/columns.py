"""Records and orders as Arrow tables, and the two answers of a batch."""

import hmac
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
from confluent_kafka import Message
from contract import Line, Order

UTC_TIME = pa.timestamp("us", tz="UTC")
TEXTS = ("event_id", "order_id", "customer_id", "region", "country", "channel", "payment_method", "currency")
AMOUNTS = ("shipping_cents", "tax_cents", "total_cents")
LINE_TYPES = {
    "line_no": pa.int32(),
    "product_id": pa.string(),
    "product_name": pa.string(),
    "category": pa.string(),
    "quantity": pa.int32(),
    "unit_price_cents": pa.int64(),
    "discount_cents": pa.int64(),
}


class Records(NamedTuple):
    """A batch as columns; times in microseconds since 1970."""

    values: list[bytes | None]
    partitions: list[int]
    offsets: list[int]
    arrived_at: list[int]
    keys: list[bytes | None]

    @property
    def ends(self) -> dict[int, int]:
        """By partition, the offset after the last record of the batch."""
        return {
            partition: offset + 1 for partition, offset in zip(self.partitions, self.offsets, strict=True)
        }


def records_of(messages: list[Message]) -> Records:
    return Records(
        [message.value() for message in messages],
        [message.partition() for message in messages],
        [message.offset() for message in messages],
        [message.timestamp()[1] * 1_000 for message in messages],
        [message.key() for message in messages],
    )


def positions(records: Records, rows: list[int] | None = None) -> dict[str, pa.Array]:
    """Where the records lay in the topic and when they arrived: of all, or of the rows named."""
    columns = (records.partitions, records.offsets, records.arrived_at)
    picked = columns if rows is None else tuple([column[row] for row in rows] for column in columns)
    partition, offset, arrived_at = picked
    return {
        "partition": pa.array(partition, pa.int32()),
        "offset": pa.array(offset, pa.int64()),
        "arrived_at": pa.array(arrived_at, pa.int64()).cast(UTC_TIME),
    }


def bronze_table(records: Records) -> pa.Table:
    return pa.table(
        {
            **positions(records),
            "key": pa.array(records.keys, pa.binary()),
            "value": pa.array(records.values, pa.binary()),
        }
    )


def rejected_table(records: Records, rejected: list[tuple[int, str, list[str]]]) -> pa.Table:
    rows = [row for row, _, _ in rejected]
    return pa.table(
        {
            **positions(records, rows),
            "disposition": pa.array([disposition for _, disposition, _ in rejected], pa.string()),
            "reasons": pa.array([reasons for _, _, reasons in rejected], pa.list_(pa.string())),
            "value": pa.array([records.values[row] for row in rows], pa.binary()),
        }
    )


def lines_of(orders: list[Order]) -> tuple[list[Line], pa.Array]:
    """All lines one after another, and where each order's begin."""
    starts, end = [0], 0
    for order in orders:
        end += len(order.lines)
        starts.append(end)
    return list(chain.from_iterable([order.lines for order in orders])), pa.array(starts, pa.int32())


def _column(rows: list[Any], name: str, kind: pa.DataType) -> pa.Array:
    return pa.array(list(map(attrgetter(name), rows)), kind)


def silver_table(
    records: Records, rows: list[int], orders: list[Order], ordered_at: list[int], **more: pa.Array
) -> pa.Table:
    lines, starts = lines_of(orders)
    struct = pa.StructArray.from_arrays(
        [_column(lines, name, kind) for name, kind in LINE_TYPES.items()],
        names=list(LINE_TYPES),
    )
    columns: dict[str, Any] = {
        **{name: _column(orders, name, pa.string()) for name in TEXTS},
        **{name: _column(orders, name, pa.int64()) for name in AMOUNTS},
    }
    return pa.table(
        {
            **positions(records, rows),
            "ordered_at": pa.array(ordered_at, pa.int64()).cast(UTC_TIME),
            **columns,
            "lines": pa.ListArray.from_arrays(starts, struct),
            **more,
        }
    )


def email_column(orders: list[Order], key: bytes | None) -> pa.Array:
    """The address as it came, or its HMAC under the key; null where there is none."""
    emails = [order.customer_email if isinstance(order.customer_email, str) else None for order in orders]
    if key is None:
        return pa.array(emails, pa.string())
    hashed = [None if email is None else hmac.digest(key, email.encode(), "sha256").hex() for email in emails]
    return pa.array(hashed, pa.string())


def region_answer(silver: pl.DataFrame) -> pl.DataFrame:
    return (
        silver.group_by(pl.col("ordered_at").dt.truncate("1m").alias("minute_utc"), "region")
        .agg(pl.len().cast(pl.Int64).alias("orders"), pl.col("total_cents").sum().alias("revenue_cents"))
        .sort("minute_utc", "region")
    )


def product_answer(silver: pl.DataFrame) -> pl.DataFrame:
    line = pl.col("lines").struct
    gross = line.field("quantity") * line.field("unit_price_cents")
    return (
        silver.select(pl.col("ordered_at").dt.truncate("1m").alias("minute_utc"), "region", "lines")
        .explode("lines")
        .select(
            "minute_utc",
            line.field("product_id"),
            "region",
            line.field("quantity").cast(pl.Int64).alias("units"),
            (gross - line.field("discount_cents")).alias("revenue_cents"),
        )
        .group_by("minute_utc", "product_id", "region")
        .agg(pl.col("units").sum(), pl.col("revenue_cents").sum())
        .sort("minute_utc", "product_id", "region")
    )


def as_csv(answer: pl.DataFrame) -> str:
    return answer.write_csv(include_header=False, datetime_format="%Y-%m-%dT%H:%M:%SZ")
