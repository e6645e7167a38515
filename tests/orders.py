"""Makers of orders and Kafka records: they fill the defaults, so that a test shows only what it is about."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from lake.schemas.orders import KAFKA_RECORD

ARRIVED_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def line(**changes: Any) -> dict[str, Any]:
    return {
        "line_no": 1,
        "product_id": "P-1",
        "product_name": "Kettle",
        "category": "Kitchen",
        "quantity": 2,
        "unit_price_cents": 1_000,
        "discount_cents": 100,
        **changes,
    }


def order(**changes: Any) -> dict[str, Any]:
    """
    One order of 2,150 cents, placed ten minutes before it arrived. A change of `...` leaves the field out.
    """
    fields = {
        "schema_version": 1,
        "event_id": "E-1",
        "order_id": "O-1",
        "ordered_at": (ARRIVED_AT - timedelta(minutes=10)).isoformat(),
        "customer_id": "C-1",
        "customer_email": "someone@example.com",
        "region": "EMEA",
        "country": "DE",
        "channel": "web",
        "payment_method": "card",
        "currency": "USD",
        "lines": [line()],
        "shipping_cents": 200,
        "tax_cents": 50,
        "total_cents": 2_150,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not ...}


def value_of(record: Any) -> bytes | None:
    """A record's bytes: an order as dict, a text, or the bytes themselves."""
    if record is None or isinstance(record, bytes):
        return record
    return (record if isinstance(record, str) else json.dumps(record)).encode()


def kafka_records(spark: SparkSession, *records: Any, partition: int = 0, first_offset: int = 0) -> DataFrame:
    """KAFKA_RECORD, one row per record, all arrived at ARRIVED_AT."""
    rows = [
        (value_of(record), b"key", "orders.v1", partition, first_offset + i, ARRIVED_AT, None)
        for i, record in enumerate(records)
    ]
    return spark.createDataFrame(rows, KAFKA_RECORD)
