"""
Reads single records of the topic by their position: a few large ones of a batch that was read without them,
for which Spark would read all of it once more.
"""

import logging
from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from include.settings import KafkaSettings

log = logging.getLogger(__name__)
PATIENCE_MS, BOOTSTRAP_MS = 5_000, 5_000


class SingleRecords:
    """A consumer without a group, made at its first use."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: KafkaConsumer | None = None

    def read(self, positions: Iterable[tuple[int, int]]) -> list[dict[str, Any]] | None:
        """
        Value, key and headers of the records at these partitions and offsets, as Spark gives them.

        Returns:
            None when they could not all be read, whatever the cause: Spark is asked then, and says it.
        """
        try:
            return [_as_spark_has_it(self._read(*position)) for position in positions]
        except (KafkaError, LookupError, AssertionError) as error:
            log.warning("reading single records: %r; the whole batch is read once more", error)
            self._close()
            return None

    def _read(self, partition: int, offset: int) -> ConsumerRecord:
        self._consumer = self._consumer or self._made()
        place = TopicPartition(self._kafka.orders_topic, partition)
        self._consumer.assign([place])
        self._consumer.seek(place, offset)
        found = self._consumer.poll(PATIENCE_MS, max_records=1).get(place, [])
        if [record.offset for record in found] != [offset]:
            raise LookupError(f"partition {partition}, offset {offset}: not found within {PATIENCE_MS} ms")
        return found[0]

    def _made(self) -> KafkaConsumer:
        return KafkaConsumer(
            bootstrap_servers=self._kafka.bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="none",
            # The broker gives the batch that the record lies in even so, and nothing behind it.
            max_partition_fetch_bytes=1,
            fetch_max_wait_ms=20,
            # Spark's consumer has just checked them, of the same batch; plain Python takes long for it.
            check_crcs=False,
            bootstrap_timeout_ms=BOOTSTRAP_MS,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )

    def _close(self) -> None:
        if self._consumer is not None:
            self._consumer.close(timeout_ms=1_000)
            self._consumer = None


def _as_spark_has_it(record: ConsumerRecord) -> dict[str, Any]:
    headers = [{"key": key, "value": value} for key, value in record.headers]
    return {"value": record.value, "key": record.key, "headers": headers or None}
