"""The corpus on its whole way: a real broker, the stream, the tables, the ledger."""

from collections import Counter
from contextlib import closing
from typing import NamedTuple

import pyarrow as pa
import pytest
from kafka import KafkaProducer
from kafka.admin import NewTopic

from include.sales_db import connect
from include.settings import KafkaSettings, LakeSettings, PostgresSettings, Settings
from lake.contract import DUPLICATE, QUARANTINED
from lake.reading import delta_table
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, SILVER_REJECTED, Table
from stack import kafka
from tests.corpus import MESSAGES
from tests.corpus.message import Message
from tests.corpus.repeated import REPEATED
from tests.draining import catch_up, key_file
from tests.orders import ARRIVED_AT

pytestmark = [pytest.mark.spark, pytest.mark.stack]

# Here the producer says when a record arrives: the corpus has times of to the moment before and after.
AS_PRODUCED = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(2**63 - 1)}
BATCH_OF = 50  # so that the corpus takes several batches
BALANCE = """
    select partition, min(start_offset) as first, max(end_offset) as last, sum(read_rows) as read,
           sum(silver_rows), sum(duplicate_rows), sum(quarantined_rows),
           sum(read_cents - silver_cents - duplicate_cents - quarantined_cents)
    from ops.ledger
    group by partition
"""

Position = tuple[int, int]  # partition, offset


class Row(NamedTuple):
    """What a table says of one record. A table that has no such column says None."""

    value: bytes | None
    disposition: str | None
    reasons: frozenset[str]


@pytest.fixture(scope="module")
def corpus_lake(kafka_broker, own_sales_database: PostgresSettings, tmp_path_factory) -> Settings:
    folder = tmp_path_factory.mktemp("corpus")
    return Settings(
        kafka=KafkaSettings(bootstrap_servers=kafka_broker, orders_topic="corpus.v1"),
        postgres=own_sales_database,
        lake=LakeSettings(root=folder / "lake", email_hmac_key_file=key_file(folder)),
        stream={"max_offsets_per_trigger": BATCH_OF},
    )


@pytest.fixture(scope="module")
def sent(corpus_lake: Settings, spark) -> dict[Position, Message]:
    """Every message of the corpus, in the lake, by where Kafka keeps it."""
    topic = corpus_lake.kafka
    new = NewTopic(
        topic.orders_topic, topic.partitions, 1, topic_configs=kafka.TOPIC_CONFIGURATION | AS_PRODUCED
    )
    with kafka.administration(topic.bootstrap_servers, seconds=30) as client:
        client.create_topics([new])
    positions = send_corpus(topic)
    catch_up(corpus_lake, spark)
    return positions


def send_corpus(topic: KafkaSettings) -> dict[Position, Message]:
    arrived_at = int(ARRIVED_AT.timestamp() * 1_000)
    # Whatever is said about one order lies in one partition.
    partitions = [0 if m in REPEATED else n % topic.partitions for n, m in enumerate(MESSAGES)]
    with closing(
        KafkaProducer(bootstrap_servers=topic.bootstrap_servers, max_request_size=kafka.MAX_MESSAGE_BYTES)
    ) as producer:
        answers = [
            producer.send(
                topic.orders_topic, message.value, b"key", partition=partition, timestamp_ms=arrived_at
            )
            for message, partition in zip(MESSAGES, partitions, strict=True)
        ]
        producer.flush()
        found = [answer.get(timeout=30) for answer in answers]
    return {(at.partition, at.offset): m for at, m in zip(found, MESSAGES, strict=True)}


def rows_of(table: Table, settings: Settings) -> list[tuple[Position, Row]]:
    rows: pa.Table = delta_table(table, settings.lake.root).to_pyarrow_dataset().to_table()
    wanted = ["partition", "offset", "value", "disposition", "reasons"]
    kept = rows.select([name for name in wanted if name in rows.column_names]).to_pylist()
    return [
        (
            (row["partition"], row["offset"]),
            Row(row.get("value"), row.get("disposition"), frozenset(row.get("reasons") or ())),
        )
        for row in kept
    ]


def test_every_message_is_in_its_place(sent, corpus_lake):
    """Accepted in silver, all others in rejected with disposition and exact reasons; no record in both."""
    found = rows_of(SILVER_ORDERS, corpus_lake) + rows_of(SILVER_REJECTED, corpus_lake)
    assert max(Counter(position for position, _ in found).values()) == 1

    places = dict(found)
    wrong = [
        f"{message.name}: {places.get(position)} instead of {message.disposition, set(message.reasons)}"
        for position, message in sent.items()
        if position not in places or places[position][1:] != (message.disposition, message.reasons)
    ]
    assert not wrong, "\n".join(wrong)
    assert len(places) == len(sent)


def test_every_byte_is_kept(sent, corpus_lake):
    """Bronze has each value as it was sent, and rejected those that are not in silver."""
    values = {position: message.value for position, message in sent.items()}
    bronze = {position: row.value for position, row in rows_of(BRONZE_ORDERS, corpus_lake)}
    rejected = {position: row.value for position, row in rows_of(SILVER_REJECTED, corpus_lake)}

    assert bronze == values
    assert rejected == {p: values[p] for p, message in sent.items() if message.disposition}


def test_the_ledger_balances(sent, corpus_lake):
    """Per partition: every offset is read, each disposition has its rows, and no cent is left over."""
    with closing(connect(corpus_lake.postgres, application_name="test")) as connection:
        found = {partition: tuple(map(int, sums)) for partition, *sums in connection.execute(BALANCE)}

    expected = {}
    for partition in {partition for partition, _ in sent}:
        became = Counter(message.disposition for (at, _), message in sent.items() if at == partition)
        count = became.total()
        expected[partition] = (0, count, count, became[None], became[DUPLICATE], became[QUARANTINED], 0)
    assert found == expected
