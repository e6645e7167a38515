"""The servers of the stack, for real: PostgreSQL with its migrations, Kafka with its topic."""

import psycopg
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from include.sales_db import connect
from include.settings import KafkaSettings, PostgresSettings
from stack import kafka
from stack.migrations import migrate
from stack.postgres import PostgresServer

pytestmark = pytest.mark.stack


def as_reader(database: PostgresSettings) -> PostgresSettings:
    return database.model_copy(update={"user": "sales_reader"})


def test_the_reader_sees_live_and_nothing_of_ops(sales_database: PostgresSettings) -> None:
    """BI tools read `live`; the ledger is none of their business."""
    with connect(as_reader(sales_database), application_name="test") as conn:
        assert conn.execute("select count(*) from live.order_value_minute").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("select * from ops.ledger")


def test_a_wrong_password_is_refused(sales_database: PostgresSettings) -> None:
    """Loopback is not trusted: scram-sha-256 asks everybody."""
    stranger = sales_database.model_copy(update={"passfile": None, "password": None, "user": "sales_reader"})
    with pytest.raises(psycopg.OperationalError):
        connect(stranger, application_name="test")


def test_migrating_twice_applies_nothing(
    sales_database: PostgresSettings, postgres_server: PostgresServer
) -> None:
    """Each file is applied once."""
    with connect(postgres_server.as_superuser("sales"), application_name="test", autocommit=True) as conn:
        assert migrate(conn) == []


def test_the_orders_topic_is_created_once_as_designed(orders_topic: KafkaSettings) -> None:
    """Four partitions, the broker's clock, kept for ever; a second call finds it there."""
    assert kafka.ensure_topic(orders_topic) is False

    with kafka.administration(orders_topic.bootstrap_servers, seconds=30) as client:
        topic = client.describe_topics([orders_topic.orders_topic])[0]
        resource = ConfigResource(ConfigResourceType.TOPIC, orders_topic.orders_topic)
        described = client.describe_configs([resource])
    assert len(topic["partitions"]) == 4
    text = str(described)
    assert "LogAppendTime" in text
