"""Records to Kafka: acknowledged by all, idempotent, keyed by order, and every answer accounted for."""

import logging
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from include.errors import SimulatorError
from include.kafka_clients import REFUSED
from include.settings import KafkaSettings
from simulator.manifest import Ack
from simulator.orders import Event

HEADER = "saleslake-event"
MAX_REQUEST_BYTES = 8 * 1024 * 1024
MAX_WAITING_RECORDS = 20_000
MAX_WAITING_BYTES = 48 * 1024 * 1024
# A broker may be away this long before what it has not answered for is given up as `unknown`.
DELIVERY_TIMEOUT_MS = 600_000


class Sender:
    """Sends the events of one run and collects the broker's answers."""

    def __init__(self, kafka: KafkaSettings, run_id: str, *, linger_ms: int, compression: str | None) -> None:
        # The library logs every failed attempt to reconnect; the progress line shows what waits instead.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        self._topic = kafka.orders_topic
        self._run_id = run_id
        self._waiting: deque[tuple[int, int, Any]] = deque()
        self._waiting_bytes = 0
        self._refused: list[Ack] = []
        self.last_error: str | None = None
        self._producer = _producer(kafka, linger_ms, compression)

    @property
    def waiting(self) -> int:
        """Records the broker has not answered for yet."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MAX_WAITING_RECORDS or self._waiting_bytes >= MAX_WAITING_BYTES

    def send(self, event: Event) -> None:
        """Hand one record over; its answer comes with `answers`."""
        header = f"{self._run_id}:{event.seq}".encode()
        try:
            future = self._producer.send(
                self._topic, value=event.payload, key=event.order_id.encode(), headers=[(HEADER, header)]
            )
        except KafkaError as error:
            # It was not accepted into the buffer, so it was never sent.
            self.last_error = repr(error)
            self._refused.append(Ack(event.seq, "fail"))
            return
        size = len(event.payload or b"")
        self._waiting.append((event.seq, size, future))
        self._waiting_bytes += size

    def answers(self, *, wait_seconds: float = 0.0) -> Iterable[Ack]:
        """The answers that have come in; `wait_seconds` is how long to wait for the oldest one due."""
        if wait_seconds and self._waiting:
            # An error is an answer like the others, or none yet.
            with suppress(KafkaError):
                self._waiting[0][2].get(timeout=wait_seconds)
        acks, self._refused = self._refused, []
        while self._waiting and self._waiting[0][2].is_done:
            seq, size, future = self._waiting.popleft()
            self._waiting_bytes -= size
            acks.append(self._ack(seq, future))
        return acks

    def _ack(self, seq: int, future: Any) -> Ack:
        if future.exception is None:
            return Ack(seq, "ok", future.value.partition, future.value.offset)
        self.last_error = repr(future.exception)
        return Ack(seq, "fail" if isinstance(future.exception, REFUSED) else "unknown")

    def close(self, timeout_seconds: float) -> list[Ack]:
        """Wait for the outstanding answers, but not longer than asked. What stays out remains `unknown`."""
        deadline = time.monotonic() + timeout_seconds
        acks: list[Ack] = []
        while self._waiting and (left := deadline - time.monotonic()) > 0:
            acks.extend(self.answers(wait_seconds=min(left, 1.0)))
        acks.extend(self.answers())
        self._producer.close(timeout=1)
        return acks


def _producer(kafka: KafkaSettings, linger_ms: int, compression: str | None) -> KafkaProducer:
    task = f"Connecting to Kafka at {kafka.bootstrap_servers}"
    try:
        producer = KafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers.split(","),
            client_id="saleslake-simulator",
            acks="all",
            enable_idempotence=True,
            compression_type=compression,
            linger_ms=linger_ms,
            batch_size=256 * 1024,
            max_request_size=MAX_REQUEST_BYTES,
            delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
            max_block_ms=15_000,
            reconnect_backoff_max_ms=2_000,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
    except KafkaError as error:
        raise SimulatorError(
            f"{task}: {error!r}. Nothing was sent. Start the stack with `saleslake up`, or give --bootstrap."
        ) from error
    try:
        partitions = producer.partitions_for(kafka.orders_topic)
    except KafkaError as error:
        producer.close(timeout=1)
        raise SimulatorError(
            f"{task}: topic {kafka.orders_topic} was not found ({error!r}). Nothing was sent."
            " `saleslake up` creates it; --topic names another."
        ) from error
    if not partitions:
        producer.close(timeout=1)
        raise SimulatorError(f"{task}: topic {kafka.orders_topic} has no partitions. Nothing was sent.")
    return producer
