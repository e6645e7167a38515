"""
Reads single records of the topic by their position: a few large ones of a batch that was read without them,
for which Spark would read all of it once more.
"""

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from include.settings import KafkaSettings

log = logging.getLogger(__name__)
# For all records of a batch together, and for the broker's first answer.
PATIENCE_MS, BOOTSTRAP_MS = 5_000, 5_000
# After a failure: whatever it was (a codec that is not installed, a broker on its way down), it may last.
REST_SECONDS = 300


class SingleRecords:
    """A consumer without a group, made at its first use."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: KafkaConsumer | None = None
        self._rests_until = 0.0

    def read(self, positions: Iterable[tuple[int, int]]) -> list[dict[str, Any]] | None:
        """
        Value, key and headers of the records at these partitions and offsets, as Spark gives them.

        Returns:
            None when they could not all be read, whatever the cause: Spark is asked then, and says it.
        """
        now = time.monotonic()
        if now < self._rests_until:
            return None
        try:
            deadline = now + PATIENCE_MS / 1_000
            return [_as_spark_has_it(self._read(*position, deadline)) for position in positions]
        except Exception as error:  # decoders of compressed batches have errors of their own
            log.warning(
                "reading single records: %s; the whole batch is read once more, and so are others for %d s",
                repr(error)[:200],
                REST_SECONDS,
            )
            self._rests_until = time.monotonic() + REST_SECONDS
            self._close()
            return None

    def _read(self, partition: int, offset: int, deadline: float) -> ConsumerRecord:
        self._consumer = self._consumer or self._made()
        place = TopicPartition(self._kafka.orders_topic, partition)
        self._consumer.assign([place])
        self._consumer.seek(place, offset)
        left_ms = max(0, int((deadline - time.monotonic()) * 1_000))
        found = self._consumer.poll(left_ms, max_records=1).get(place, [])
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
            # Plain Python takes long for a megabyte, and Spark's consumer has just checked the same batches.
            check_crcs=False,
            bootstrap_timeout_ms=BOOTSTRAP_MS,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )

    def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(Exception):
                consumer.close(timeout_ms=1_000)


def _as_spark_has_it(record: ConsumerRecord) -> dict[str, Any]:
    headers = [{"key": key, "value": value} for key, value in record.headers]
    return {"value": record.value, "key": record.key, "headers": headers or None}
