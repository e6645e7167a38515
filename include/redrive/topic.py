"""The orders topic, to send copies into and to look for copies in."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from include.errors import RedriveError
from include.kafka_clients import REFUSED, partitions_of
from include.redrive.marks import Outcome
from include.redrive.position import HEADER, Position
from include.redrive.selection import Chosen
from include.settings import KafkaSettings

log = logging.getLogger(__name__)

# A copy is a header larger than its original, which may have been as large as the topic takes.
# The broker shall say so, not the client, who cannot know the topic's limit.
MAX_REQUEST_BYTES = 128 * 1024 * 1024
DELIVERY_TIMEOUT_MS = 60_000
SCAN_SILENCE_SECONDS = 60.0
# The simulator's own mark: a copy is not the record that its manifest speaks of.
NOT_COPIED = frozenset({"saleslake-event", HEADER})


class OrdersTopic:
    """One run's connection to the topic. Use `orders_topic` to get one."""

    def __init__(self, kafka: KafkaSettings, producer: KafkaProducer, consumer: KafkaConsumer) -> None:
        self._topic, self._producer, self._consumer = kafka.orders_topic, producer, consumer

    def ends(self) -> dict[int, int]:
        return self._offsets(self._consumer.end_offsets)

    def _offsets(self, ask: Any) -> dict[int, int]:
        found = ask(partitions_of(self._consumer, self._topic))
        return {partition.partition: offset for partition, offset in found.items()}

    def send(self, records: Iterable[Chosen]) -> list[Outcome]:
        """
        Send copies and wait for the broker's answers. Those without one are not among the outcomes: nobody
        knows whether they were stored.
        """
        futures = [(record.rejected.position, self._hand_over(record)) for record in records]
        self._producer.flush()
        outcomes = []
        for position, future in futures:
            try:
                stored = future.get(timeout=DELIVERY_TIMEOUT_MS / 1_000)
                copy = Position(self._topic, stored.partition, stored.offset)
                outcomes.append(Outcome(position, "sent", copy))
            except REFUSED as error:
                outcomes.append(Outcome(position, "refused", detail=repr(error)))
            except KafkaError as error:
                log.warning("No answer for the copy of %s: %r", position, error)
        return outcomes

    def _hand_over(self, record: Chosen) -> Any:
        kept = [header for header in record.headers if header[0] not in NOT_COPIED]
        return self._producer.send(
            self._topic,
            value=record.value,
            key=record.key,
            headers=[*kept, (HEADER, str(record.rejected.position).encode())],
        )

    def copies_since(self, starts: Mapping[int, int]) -> dict[str, Position]:
        """
        Every copy that lies at or behind `starts`, by what it was made from. The first of several counts.

        Raises:
            RedriveError: the topic no longer has the records from there on, or the broker falls silent.
        """
        first = self._offsets(self._consumer.beginning_offsets)
        gone = [number for number, start in starts.items() if first.get(number, 0) > start]
        if gone:
            raise RedriveError(
                f"Looking for copies in {self._topic}: partition {gone[0]} begins at {first[gone[0]]}, the"
                f" copy may lie from {starts[gone[0]]} on. Nothing was sent. What to do:"
                " docs/runbooks/replay_rejected.md, 'The topic no longer has the records'."
            )
        copies: dict[str, Position] = {}
        for number, end in self.ends().items():
            # A partition that was added since has no start of its own.
            for record in self._read(number, starts.get(number, 0), end):
                for name, value in record.headers or ():
                    if name == HEADER:
                        found = Position(self._topic, number, record.offset)
                        copies.setdefault(value.decode("utf-8", "replace"), found)
        return copies

    def _read(self, partition: int, start: int, end: int) -> Iterator[Any]:
        where = TopicPartition(self._topic, partition)
        self._consumer.assign([where])
        self._consumer.seek(where, start)
        heard = time.monotonic()
        while self._consumer.position(where) < end:
            for records in self._consumer.poll(timeout_ms=500).values():
                heard = time.monotonic()
                yield from (record for record in records if record.offset < end)
            if time.monotonic() - heard > SCAN_SILENCE_SECONDS:
                raise RedriveError(
                    f"Looking for copies in {self._topic}: partition {partition} gave nothing for"
                    f" {SCAN_SILENCE_SECONDS:.0f} s before offset {end}. Nothing was sent. Run again."
                )


@contextmanager
def orders_topic(kafka: KafkaSettings) -> Iterator[OrdersTopic]:
    """
    Raises:
        RedriveError: Kafka cannot be reached.
    """
    try:
        producer = KafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers.split(","),
            client_id="saleslake-redrive",
            acks="all",
            # An idempotent producer is of no use any more once one record was refused. Without retries of the
            # client nothing is sent twice either: what has no answer is looked for in the topic.
            enable_idempotence=False,
            retries=0,
            max_request_size=MAX_REQUEST_BYTES,
            delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
            linger_ms=20,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        consumer = KafkaConsumer(
            bootstrap_servers=kafka.bootstrap_servers.split(","),
            client_id="saleslake-redrive",
            auto_offset_reset="none",
            enable_auto_commit=False,
            metrics_enabled=False,
        )
    except KafkaError as error:
        raise RedriveError(
            f"Connecting to Kafka at {kafka.bootstrap_servers}: {error!r}. Nothing was sent. See"
            " `saleslake status`, then run again."
        ) from error
    with closing(producer), closing(consumer):
        yield OrdersTopic(kafka, producer, consumer)
