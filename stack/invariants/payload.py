"""I2: every value of the topic, byte for byte, against bronze. What it reads of the topic serves I13 too."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer

from include.kafka_clients import partitions_of
from include.settings import KafkaSettings
from lake.reading import delta_table, record_batches
from lake.tables import BRONZE_ORDERS
from stack.invariants.finding import Finding, judged

Position = tuple[int, int]  # partition, offset
Digests = dict[Position, bytes]

MAX_FETCH_BYTES = 64 * 1024 * 1024
EMAIL = re.compile(rb'"customer_email":"([^"\\]+@[^"\\]+)"')


@dataclass(slots=True)
class Topic:
    """What the topic holds: the SHA-256 of each value, and the e-mails that were really sent."""

    digests: Digests = field(default_factory=dict)
    emails: set[bytes] = field(default_factory=set)

    def take(self, position: Position, value: bytes | None) -> None:
        self.digests[position] = digest(value)
        self.emails.update(EMAIL.findall(value or b""))


def digest(value: bytes | None) -> bytes:
    # A record without a value is another thing than one with an empty value.
    return b"null" if value is None else sha256(value).digest()


def read_topic(kafka: KafkaSettings) -> Topic:
    """What every partition holds, from its first record to what is its end now."""
    topic = Topic()
    for record in records(kafka):
        topic.take((record.partition, record.offset), record.value)
    return topic


def records(kafka: KafkaSettings) -> Iterator[Any]:
    """Every record of the topic up to what is its end now, in order within a partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers,
        client_id="saleslake-invariants",
        enable_auto_commit=False,
        # As the lake writer: what was rolled back was never sent.
        isolation_level="read_committed",
        max_partition_fetch_bytes=MAX_FETCH_BYTES,
        fetch_max_bytes=MAX_FETCH_BYTES,
    )
    try:
        assigned = partitions_of(consumer, kafka.orders_topic)
        consumer.assign(assigned)
        consumer.seek_to_beginning(*assigned)
        ends = consumer.end_offsets(assigned)
        while any(consumer.position(where) < end for where, end in ends.items()):
            for batch in consumer.poll(timeout_ms=1_000).values():
                yield from batch
    finally:
        consumer.close()


def read_bronze(root: Path) -> Digests:
    """The SHA-256 of each value in bronze."""
    dataset = delta_table(BRONZE_ORDERS, root).to_pyarrow_dataset()
    digests: Digests = {}
    for batch in record_batches(dataset, ["partition", "offset", "value"]):
        columns = (batch.column(name).to_pylist() for name in ("partition", "offset", "value"))
        digests.update(
            ((partition, offset), digest(value)) for partition, offset, value in zip(*columns, strict=True)
        )
    return digests


def payload_faithful(topic: Digests, bronze: Digests, ends: Mapping[int, int]) -> Finding:
    """
    Args:
        ends: per partition the first offset that the ledger does not cover yet; what comes after it in the
            topic may still be on its way.
    """
    return judged("I2", {"values": len(topic)}, _differences(topic, bronze, ends))


def _differences(topic: Digests, bronze: Digests, ends: Mapping[int, int]) -> Iterator[str]:
    for (partition, offset), value in sorted(topic.items()):
        where = f"partition {partition} offset {offset}"
        held = bronze.get((partition, offset))
        if held is None and offset < ends.get(partition, 0):
            yield f"{where} is in Kafka and not in bronze.orders"
        elif held is not None and held != value:
            yield f"{where}: bronze.orders holds another value than Kafka"
    for partition, offset in sorted(bronze.keys() - topic.keys()):
        yield f"partition {partition} offset {offset} is in bronze.orders and not in Kafka"
