"""Batches that pass their suites, and for each expectation a change of one value that must not pass."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from include.quality.frames import Batch, Due, batch_of
from include.quality.tables import (
    BRONZE_ORDERS,
    FCT_ORDER_LINES,
    FCT_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    ORDER_VALUE_HOURLY,
    PRODUCT_SALES_HOURLY,
    REGION_SALES_HOURLY,
    SILVER_ORDERS,
    SILVER_REJECTED,
    Checked,
)

HOUR = datetime(2026, 11, 22, 10, tzinfo=UTC)
Row = dict[str, Any]

POSITION = {"topic": "orders.v1", "partition": 0, "offset": 7, "batch_id": 0}
LINE = {"quantity": 2, "unit_price_cents": 1_000, "discount_cents": 100}
ORDER = {
    "order_id": "O-1", "region": "EMEA", "country": "DE", "channel": "web", "payment_method": "card",
    "currency": "USD", "shipping_cents": 200, "tax_cents": 50, "total_cents": 2_150,
}  # fmt: skip
SALES = {"region": "EMEA", "orders": 1, "revenue_cents": 2_150}
PRODUCT = {"product_id": "P-1", "region": "EMEA", "orders": 1, "units": 2, "revenue_cents": 1_900}

# One good row of each table, and what the ledger says of its hour.
ROWS: Mapping[Checked, Row] = {
    BRONZE_ORDERS: {**POSITION, "kafka_timestamp": HOUR, "ingested_at": HOUR + timedelta(seconds=2)},
    SILVER_REJECTED: {**POSITION, "disposition": "quarantined", "reasons": ["wrong_type", "line_invalid"]},
    SILVER_ORDERS: {
        **ORDER, **POSITION, "ordered_at": HOUR, "customer_id": "C-1", "customer_email_hmac": "0a" * 32,
        "lines": [LINE],
    },
    GOLD_ORDER_VALUE_MINUTE: {"minute_utc": HOUR, "channel": "web", "batch_id": 0, **SALES},
    GOLD_PRODUCT_SALES_MINUTE: {"minute_utc": HOUR, "batch_id": 0, **PRODUCT},
    FCT_ORDERS: {**ORDER, "line_count": 1, "units": 2, "goods_cents": 1_900},
    FCT_ORDER_LINES: {
        "order_id": "O-1", "line_no": 1, "region": "EMEA", "product_id": "P-1", **LINE, "revenue_cents": 1_900
    },
    PRODUCT_SALES_HOURLY: {**PRODUCT, "completeness": 1.0},
    REGION_SALES_HOURLY: {**SALES, "completeness": 1.0},
    ORDER_VALUE_HOURLY: {**SALES, "channel": "web", "average_order_value_cents": 2_150, "completeness": 1.0},
}  # fmt: skip
USUAL = Due(orders=1, cents=2_150, fewest_usual_orders=0.5, most_usual_orders=8.0, minutes_behind=3.0)
DUE = {
    table: Due(rows=1, rejected_share=0.02, minutes_behind=3.0)
    if table in (BRONZE_ORDERS, SILVER_REJECTED)
    else USUAL
    if table.orders
    else USUAL._replace(orders=None, cents=1_900)
    for table in ROWS
}

LINE_TYPE = pa.struct([(name, pa.int64()) for name in LINE])
TYPES = {"reasons": pa.list_(pa.string()), "lines": pa.list_(LINE_TYPE)}


def good(table: Checked, *, hours: int = 1) -> Batch:
    """One good row in each of some hours."""
    instants = [HOUR + timedelta(hours=n) for n in range(hours)]
    rows = pa.Table.from_pylist([{**ROWS[table], "hour_utc": hour} for hour in instants])
    for name, kind in TYPES.items():
        if name in rows.column_names:
            place = rows.column_names.index(name)
            rows = rows.set_column(place, name, rows[name].cast(kind))
    return batch_of(table, rows, dict.fromkeys(instants, DUE[table]))


def changed(batch: Batch, **values: Any) -> Batch:
    """The first row has other values."""
    rows = batch.rows.astype(dict.fromkeys(values, object))
    for name, value in values.items():
        rows.at[0, name] = value
    return batch._replace(rows=rows)


def repeated(batch: Batch) -> Batch:
    """The first row is there twice."""
    return batch._replace(rows=pd.concat([batch.rows, batch.rows[:1]], ignore_index=True))


def owed(batch: Batch, **values: Any) -> Batch:
    """The ledger, or what is usual, says something else about the first hour."""
    return batch._replace(due={**batch.due, HOUR: batch.due[HOUR]._replace(**values)})


# What breaks an expectation, by its words on the page: of every suite that has one with these words.
BREAKS: Mapping[str, Any] = {
    "`topic` is there": {"topic": None},
    "`order_id` is there": {"order_id": None},
    "`ordered_at` is there": {"ordered_at": None},
    "`customer_id` is there": {"customer_id": None},
    "`product_id` is there": {"product_id": None},
    "`kafka_timestamp` is there": {"kafka_timestamp": None},
    "`order_id` has from 1 to the longest id characters": {"order_id": "O" * 65},
    "`product_id` has from 1 to the longest id characters": {"product_id": ""},
    "`region` is one of: the regions": {"region": "MARS"},
    "`country` is one of: the countries": {"country": "XX"},
    "`channel` is one of: the channels": {"channel": "fax"},
    "`payment_method` is one of: the payment methods": {"payment_method": "shells"},
    "`currency` is made of ^[A-Z]{3}\\Z": {"currency": ""},
    "`email_is_hidden` is one of: True": {"email_is_hidden": False},
    "`second_of_minute` is one of: 0": {"second_of_minute": 30},
    "`disposition` is one of: duplicate, quarantined": {"disposition": "lost"},
    "`reason_codes` is made of the known reason codes": {"reason_codes": "wrong_type,bad_mood"},
    "`disposition` and `has_reasons` are one of: (duplicate, no), (quarantined, yes)": {"has_reasons": "no"},
    "`partition` is at least 0": {"partition": -1},
    "`offset` is at least 0": {"offset": -1},
    "`batch_id` is at least 0": {"batch_id": -1},
    "`orders` is at least 1": {"orders": 0},
    "`revenue_cents` is at least 0": {"revenue_cents": -1},
    "`discount_cents` is at least 0": {"discount_cents": -1},
    "`completeness` is from 0 to 1": {"completeness": 1.5},
    "`rounding_in_cents` is from 0 to 0.5": {"rounding_in_cents": 0.6},
    "`line_count` is from 1 to the most lines": {"line_count": 201},
    "`line_no` is from 1 to the largest line number": {"line_no": 0},
    "`quantity` is from 1 to the largest quantity": {"quantity": 10_001},
    "`unit_price_cents` is from 0 to the highest unit price in cents": {"unit_price_cents": 100_000_001},
    "`shipping_cents` is from 0 to the highest charge in cents": {"shipping_cents": -1},
    "`tax_cents` is from 0 to the highest charge in cents": {"tax_cents": 10_000_000_000_001},
    "`total_cents` = `parts_cents`": {"total_cents": 2_151},
    "`revenue_cents` = `parts_cents`": {"revenue_cents": 1_899},
    "`units` ≥ `orders`": {"units": 0},
    "`units` ≥ `line_count`": {"units": 0},
    "`ingested_at` ≥ `kafka_timestamp`": {"ingested_at": HOUR - timedelta(seconds=1)},
    "`hour_rows` = `due_rows`": lambda batch: owed(batch, rows=2),
    "`hour_orders` = `due_orders`": lambda batch: owed(batch, orders=2),
    "`hour_cents` = `due_cents`": lambda batch: owed(batch, cents=batch.due[HOUR].cents + 1),
    "`hour_orders` ≥ `fewest_usual_orders`": lambda batch: owed(batch, fewest_usual_orders=1.5),
    "`most_usual_orders` ≥ `hour_orders`": lambda batch: owed(batch, most_usual_orders=0.5),
    "`minutes_behind` is at most 15": lambda batch: owed(batch, minutes_behind=16.0),
    "`rejected_share` is at most 0.2": lambda batch: owed(batch, rejected_share=0.3),
}


def broken(batch: Batch, words: str) -> Batch:
    """A good batch, changed so that the expectation with these words must not hold."""
    if words.startswith("no two rows have the same"):
        return repeated(batch)
    how = BREAKS[words]
    return how(batch) if callable(how) else changed(batch, **how)
