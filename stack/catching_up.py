"""Waits until the lake holds what Kafka held at a moment: ledger end offsets against Kafka's."""

from collections.abc import Callable
from time import monotonic, sleep

import psycopg
from kafka import KafkaConsumer

from include.errors import StackError
from include.kafka_clients import partitions_of
from include.sales_db import connect
from include.settings import KafkaSettings, PostgresSettings

Offsets = dict[int, int]
POLL_SECONDS = 0.5


def kafka_end_offsets(kafka: KafkaSettings) -> Offsets:
    """The first offset that is not there yet, by partition."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, client_id="saleslake-offsets")
    try:
        ends = consumer.end_offsets(partitions_of(consumer, kafka.orders_topic))
        return {where.partition: offset for where, offset in ends.items()}
    finally:
        consumer.close()


def ledger_end_offsets(conn: psycopg.Connection, topic: str) -> Offsets:
    """The first offset that is neither read nor accepted as lost, by partition."""
    query = (
        "select partition, max(end_offset) from (select topic, partition, end_offset from ops.ledger"
        " union all select topic, partition, end_offset from ops.accepted_losses) as ranges"
        " where topic = %s group by partition"
    )
    return dict(conn.execute(query, (topic,)).fetchall())


def missing_records(wanted: Offsets, reached: Offsets) -> int:
    return sum(max(0, end - reached.get(partition, 0)) for partition, end in wanted.items())


def wait_for_lake(
    kafka: KafkaSettings,
    postgres: PostgresSettings,
    tell: Callable[[int], None],
    *,
    patience_seconds: float = 180,
) -> None:
    """
    Return when every record that Kafka holds now is in the lake. `tell` hears how many are missing.

    Raises:
        StackError: the lake has not come nearer for `patience_seconds`.
    """
    wanted = kafka_end_offsets(kafka)
    with connect(postgres, application_name="saleslake catching up", autocommit=True) as conn:
        before, moved_at = None, monotonic()
        while missing := missing_records(wanted, ledger_end_offsets(conn, kafka.orders_topic)):
            tell(missing)
            if missing != before:
                before, moved_at = missing, monotonic()
            if monotonic() - moved_at > patience_seconds:
                raise StackError(
                    f"Waiting for {kafka.orders_topic} to reach the lake: {missing:,} records are missing and"
                    f" no batch was closed for {patience_seconds:.0f} s. They stay in Kafka, none is lost."
                    " See `saleslake status` and the log of lake-writer."
                )
            sleep(POLL_SECONDS)
    tell(0)
