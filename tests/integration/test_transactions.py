"""A producer that uses Kafka's transactions: what it committed counts, what it rolled back was never sent."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from pyspark.sql import SparkSession

from include.settings import KafkaSettings, LakeSettings, PostgresSettings, Settings
from stack import kafka
from stack.invariants.payload import read_topic
from tests.draining import catch_up, key_file, reconciled, send_orders
from tests.orders import order

pytestmark = [pytest.mark.spark, pytest.mark.stack]


@pytest.fixture
def settings(kafka_broker: str, own_sales_database: PostgresSettings, tmp_path: Path) -> Settings:
    settings = Settings(
        manifest=tmp_path / "manifest.sqlite",
        kafka=KafkaSettings(bootstrap_servers=kafka_broker, orders_topic="transactions.v1", partitions=2),
        postgres=own_sales_database,
        lake=LakeSettings(root=tmp_path / "lake", email_hmac_key_file=key_file(tmp_path)),
    )
    kafka.ensure_topic(settings.kafka)
    return settings


def record(order_id: str) -> dict[str, Any]:
    return {"key": order_id.encode(), "value": json.dumps(order(order_id=order_id)).encode()}


def test_marks_and_what_was_rolled_back_are_no_gaps(settings: Settings, spark: SparkSession) -> None:
    """They take offsets that bronze does not have; a record that is missing there is told all the same."""
    topic = settings.kafka.orders_topic
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers, transactional_id="shop")
    with closing(producer):
        producer.init_transactions()
        for number in range(4):
            producer.begin_transaction()
            for one in range(3):
                producer.send(topic, **record(f"O-{number}-{one}"))
            producer.flush()
            (producer.abort_transaction if number == 1 else producer.commit_transaction)()
    send_orders(settings, 60, seed=5)
    catch_up(settings, spark)

    result = reconciled(settings)
    assert result.passed, result.as_json()
    assert result.foreign_records == 9
    assert len(read_topic(settings.kafka).digests) == 60 + 9
