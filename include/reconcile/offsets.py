"""Offsets of the topic at which there is nothing to read."""

import logging
from collections.abc import Sequence
from contextlib import closing
from time import monotonic

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from include.settings import KafkaSettings

log = logging.getLogger(__name__)

# Kafka is asked for more for so long; then what it did not say counts as not known.
PATIENCE_SECONDS = 10.0


def without_record(kafka: KafkaSettings, partition: int, offsets: Sequence[int]) -> set[int]:
    """
    Of `offsets` (ascending) those that hold no record for who reads what was committed: the marks at the
    ends of transactions, and records that were rolled back; and those that the topic no longer has. What
    bronze lacks of a batch is found by the number of its records, too. Kafka does not answer: none.
    """
    try:
        return _without_record(kafka, partition, offsets)
    except KafkaError as error:
        log.warning("Kafka was asked about %d offsets of partition %d: %s", len(offsets), partition, error)
        return set()


def _without_record(kafka: KafkaSettings, partition: int, offsets: Sequence[int]) -> set[int]:
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
        gone = {offset for offset in offsets if offset < begins}
        here = [offset for offset in offsets if offset >= begins]
        if not here:
            return gone
        consumer.seek(where, here[0])
        read: set[int] = set()
        deadline = monotonic() + PATIENCE_SECONDS
        while (position := consumer.position(where)) <= here[-1] and monotonic() < deadline:
            if got := consumer.poll(timeout_ms=500).get(where):
                read.update(record.offset for record in got)
                deadline = monotonic() + PATIENCE_SECONDS
    return gone | {offset for offset in here if offset < position} - read
