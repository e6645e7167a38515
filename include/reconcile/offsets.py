"""Offsets of the topic at which there is nothing to read."""

from collections.abc import Sequence
from contextlib import closing
from time import monotonic

from kafka import KafkaConsumer, TopicPartition

from include.settings import KafkaSettings

# Kafka is asked for more for so long; then what it did not say counts as not known.
PATIENCE_SECONDS = 10.0


def without_record(kafka: KafkaSettings, partition: int, offsets: Sequence[int]) -> set[int]:
    """
    Of `offsets` (ascending) those that hold no record for who reads what was committed: the marks at the
    ends of transactions, and records that were rolled back. Not those that the topic no longer has.
    """
    where = TopicPartition(kafka.orders_topic, partition)
    consumer = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        client_id="saleslake-reconcile",
    )
    with closing(consumer):
        consumer.assign([where])
        begins = consumer.beginning_offsets([where])[where]
        here = [offset for offset in offsets if offset >= begins]
        if not here:
            return set()
        consumer.seek(where, here[0])
        read: set[int] = set()
        deadline = monotonic() + PATIENCE_SECONDS
        while (position := consumer.position(where)) <= here[-1] and monotonic() < deadline:
            if got := consumer.poll(timeout_ms=500).get(where):
                read.update(record.offset for record in got)
                deadline = monotonic() + PATIENCE_SECONDS
    return {offset for offset in here if offset < position} - read
