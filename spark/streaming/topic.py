"""What the writer asks the broker beside Spark: the topic's identity and its offsets."""

import logging
import time
from collections.abc import Callable
from threading import Event, Lock

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from include.errors import StreamError
from include.kafka_clients import partitions_of
from include.settings import KafkaSettings

log = logging.getLogger(__name__)


class Topic:
    """The orders topic. Several threads may ask; one waits for the other, because Kafka's client must."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self.name = kafka.orders_topic
        self._bootstrap = kafka.bootstrap_servers
        self._asking = Lock()
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=kafka.bootstrap_servers,
                request_timeout_ms=10_000,
                # As the stream reads: an open transaction of some producer is nothing to wait for.
                isolation_level="read_committed",
            )
        except KafkaError as error:
            raise StreamError(
                f"Asking Kafka at {self._bootstrap} about topic {self.name}: {error}. The stream did not"
                " start. Start the broker (`saleslake status`) or correct kafka.bootstrap_servers."
            ) from error

    def identity(self) -> str:
        """
        The topic's id: a topic that was deleted and made again has another one.

        Raises:
            StreamError: there is no such topic.
        """
        admin = KafkaAdminClient(bootstrap_servers=self._bootstrap)
        try:
            described = admin.describe_topics([self.name])
        finally:
            admin.close()
        if not described or described[0].get("error_code"):
            raise StreamError(
                f"Looking for topic {self.name} at {self._bootstrap}: it is not there. The stream did not"
                " start. `saleslake up` creates it."
            )
        return str(described[0].get("topic_id"))

    def beginning_offsets(self) -> dict[int, int]:
        return self._offsets(self._consumer.beginning_offsets)

    def end_offsets(self) -> dict[int, int]:
        return self._offsets(self._consumer.end_offsets)

    def _offsets(self, ask: Callable[[list[TopicPartition]], dict[TopicPartition, int]]) -> dict[int, int]:
        with self._asking:
            partitions = partitions_of(self._consumer, self.name)
            if not partitions:
                raise StreamError(
                    f"Asking Kafka at {self._bootstrap} for offsets of {self.name}: it knows no partition of"
                    " it. The topic was deleted, or the broker has just started."
                )
            found = ask(partitions)
            return {where.partition: offset for where, offset in found.items()}


def reach_topic(kafka: KafkaSettings, give_up: Event, *, seconds: float) -> Topic:
    """
    The topic, as soon as the broker answers.

    Raises:
        StreamError: it did not within `seconds`, or `give_up` was set.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return Topic(kafka)
        except StreamError as error:
            if time.monotonic() > deadline or give_up.wait(5):
                raise
            log.warning("%s Trying again.", error)
