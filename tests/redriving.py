"""Somebody else's records in a topic, and the copies that a re-drive made of them."""

import json
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import KafkaProducer

from include.redrive.position import HEADER
from include.settings import Settings
from lake.reading import delta_table
from lake.tables import SILVER_ORDERS
from stack import kafka
from stack.invariants import payload
from tests.orders import order


def placed(order_id: str, *, hours_ahead: float = -0.1, **changes: Any) -> bytes:
    """An order as JSON, placed so long after now."""
    at = datetime.now(UTC) + timedelta(hours=hours_ahead)
    return json.dumps(order(order_id=order_id, ordered_at=at.isoformat(), **changes)).encode()


def produce(settings: Settings, *values: bytes) -> None:
    """As a shop of somebody else's would: with a key, a header of its own, and the simulator's mark."""
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers)
    headers = [("shop", b"7"), ("saleslake-event", b"1")]
    with closing(producer):
        for number, value in enumerate(values):
            producer.send(settings.kafka.orders_topic, value, key=f"K{number}".encode(), headers=headers)
        producer.flush()


def produce_large(settings: Settings) -> None:
    """One record with no room for another header."""
    size = kafka.MAX_MESSAGE_BYTES
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers, max_request_size=2 * size)
    with closing(producer):
        # Under the key, so in the partition, of the first of others.
        producer.send(settings.kafka.orders_topic, b"x" * (size - 102), key=b"K0").get(timeout=60)


def records(settings: Settings) -> list[Any]:
    """All that is in the topic."""
    return list(payload.records(settings.kafka))


def copies(settings: Settings) -> Counter[str]:
    """How many copies the topic has, by the position of the original."""
    return Counter(
        value.decode() for record in records(settings) for name, value in record.headers if name == HEADER
    )


def in_silver(settings: Settings) -> Counter[str]:
    table = delta_table(SILVER_ORDERS, settings.lake.root).to_pyarrow_table(columns=["order_id"])
    return Counter(table["order_id"].to_pylist())
