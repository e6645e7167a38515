"""What every client of Kafka here has in common."""

from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    InvalidRecordError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from include.settings import KafkaSettings

# The record was not stored, and never will be. Any other error leaves open whether it was.
REFUSED = (
    InvalidRecordError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)


def durable_producer(kafka: KafkaSettings, **settings: Any) -> KafkaProducer:
    """
    A producer whose own retries send nothing twice, and that is told of every record whether it is stored.

    Args:
        settings: further ones of `KafkaProducer`.

    Raises:
        KafkaError: no broker answers.
    """
    return KafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers.split(","),
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=False,
        metrics_enabled=False,
        **settings,
    )


def partitions_of(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """The topic's partitions, ascending; none when there is no such topic."""
    numbers = consumer.partitions_for_topic(topic) or set()
    return [TopicPartition(topic, number) for number in sorted(numbers)]
