"""A producer that uses Kafka's transactions: what it committed counts, what it rolled back was never sent."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from pyspark.sql import SparkSession

from include.sales_db import connect
from include.settings import KafkaSettings, LakeSettings, PostgresSettings, Settings
from lake.tables import BRONZE_ORDERS
from stack import kafka
from stack.invariants.payload import read_topic
from stack.postgres import PostgresServer
from tests.draining import catch_up, forget, key_file, reconciled, send_orders
from tests.orders import order

pytestmark = [pytest.mark.spark, pytest.mark.stack]


@pytest.fixture
def settings(
    kafka_broker: str,
    own_postgres_server: PostgresServer,
    own_sales_database: PostgresSettings,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Settings:
    superuser = own_postgres_server.as_superuser("sales")
    with closing(connect(superuser, application_name="test", autocommit=True)) as owner:
        forget(owner)
    settings = Settings(
        manifest=tmp_path / "manifest.sqlite",
        kafka=KafkaSettings(bootstrap_servers=kafka_broker, orders_topic=request.node.name, partitions=2),
        postgres=own_sales_database,
        lake=LakeSettings(root=tmp_path / "lake", email_hmac_key_file=key_file(tmp_path)),
    )
    kafka.ensure_topic(settings.kafka)
    return settings


def record(order_id: str) -> dict[str, Any]:
    return {"key": order_id.encode(), "value": json.dumps(order(order_id=order_id)).encode()}


def test_marks_and_what_was_rolled_back_are_no_gaps(settings: Settings, spark: SparkSession) -> None:
    """They take offsets that bronze does not have."""
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


def test_a_record_that_bronze_lacks_is_told_all_the_same(settings: Settings, spark: SparkSession) -> None:
    send_orders(settings, 20, seed=5)
    catch_up(settings, spark)
    path = BRONZE_ORDERS.path(settings.lake.root)
    spark.sql(f"delete from delta.`{path}` where partition = 0 and offset = 3")
    said = str(reconciled(settings).as_json())
    assert "partition 0 offset 3 is in the ledger, but not in bronze.orders" in said
