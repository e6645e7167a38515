"""The real driver, halved and frozen: Kafka, PostgreSQL and Spark, without a process manager or Airflow."""

import re
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from include.ledger import read_books
from include.sales_db import connect
from include.settings import KafkaSettings, PostgresSettings
from stack.catching_up import kafka_end_offsets, ledger_end_offsets, missing_records
from stack.kafka import ensure_topic
from stack.processes import free_port, wait_until
from tests.driver import configure, driver
from tests.orders import order, value_of

pytestmark = [pytest.mark.spark, pytest.mark.stack]
START_SECONDS = 240
NO_ORPHAN_AFTER_SECONDS = 15


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def topic(kafka_broker: str) -> KafkaSettings:
    """A topic of the module's own, in which every record is counted."""
    settings = KafkaSettings(bootstrap_servers=kafka_broker, orders_topic="halves.v1")
    ensure_topic(settings)
    return settings


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory,
    topic: KafkaSettings,
    own_sales_database: PostgresSettings,
    metrics_port: int,
) -> Path:
    folder = tmp_path_factory.mktemp("driver")
    configure(folder, topic, own_sales_database, metrics_port)
    return folder


@pytest.fixture(scope="module")
def ledger(own_sales_database: PostgresSettings) -> Iterator[psycopg.Connection]:
    with closing(connect(own_sales_database, application_name="test", autocommit=True)) as connection:
        yield connection


class Orders:
    """Sends orders, and waits until the ledger has all that Kafka has."""

    def __init__(self, kafka: KafkaSettings, ledger: psycopg.Connection) -> None:
        self._kafka, self._ledger, self.sent = kafka, ledger, 0

    def send(self, count: int = 20) -> None:
        with closing(KafkaProducer(bootstrap_servers=self._kafka.bootstrap_servers)) as producer:
            for _ in range(count):
                self.sent += 1
                value = value_of(order(order_id=f"half-{self.sent}", event_id=f"E-half-{self.sent}"))
                producer.send(self._kafka.orders_topic, value)

    def missing(self) -> int:
        ends = kafka_end_offsets(self._kafka)
        return missing_records(ends, ledger_end_offsets(self._ledger, self._kafka.orders_topic))

    def wait(self) -> None:
        wait_until(lambda: not self.missing(), seconds=START_SECONDS, what="the orders", interval=0.5)


@pytest.fixture(scope="module")
def orders(topic: KafkaSettings, ledger: psycopg.Connection) -> Orders:
    return Orders(topic, ledger)


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_zombie_commits_nothing_and_a_hung_java_ends_the_driver(
    run: Path, orders: Orders, ledger: psycopg.Connection, metrics_port: int
) -> None:
    """
    While both halves are frozen nobody else gets the lake; woken, they go on. When Java alone is frozen,
    Python ends both.
    """
    orders.send()
    with driver(run) as frozen:
        orders.wait()
        # It is told after the commit that one waited for.
        wait_until(
            lambda: (
                told(metrics_port)["saleslake_ledger_read_rows_total"] == read_books(ledger).totals.read_rows
            ),
            seconds=20,
            what="the metrics to say what the ledger does",
        )
        java = frozen.java()
        java.suspend()
        frozen.send(signal.SIGSTOP)
        orders.send()
        with driver(run) as second:
            assert second.process.wait(60) == 1
        assert "already writes it" in frozen.log
        assert orders.missing() > 0
        frozen.send(signal.SIGCONT)
        java.resume()
        orders.wait()

        java.suspend()
        assert frozen.process.wait(60) == 1
        wait_until(lambda: is_gone(java), seconds=NO_ORPHAN_AFTER_SECONDS, what="the end of Java")
    assert re.search(r"Java answers nothing for \d+ s; the driver ends", frozen.log)


def told(port: int) -> dict[str, float]:
    """What the writer's endpoint serves, without labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {s.name: s.value for family in families for s in family.samples if not s.labels}


def test_a_frozen_orphan_is_ended_by_the_next_driver(run: Path, orders: Orders) -> None:
    """Python died while Java was frozen: Java cannot see that, holds its lock, would commit when woken."""
    with driver(run) as halved:
        wait_until(halved.is_writing, seconds=START_SECONDS, what="the stream")
        orphan = halved.java()
        orphan.suspend()
        halved.send(signal.SIGKILL)
        halved.process.wait()
        orders.send()
        with driver(run) as following:
            orders.wait()
            assert is_gone(orphan)
            following.java().kill()
            assert following.process.wait(NO_ORPHAN_AFTER_SECONDS) == 1


def test_java_does_not_outlive_python(run: Path, ledger: psycopg.Connection, orders: Orders) -> None:
    """Nobody has to clean up; and after all that was done here every record has its place."""
    with driver(run) as halved:
        wait_until(halved.is_writing, seconds=START_SECONDS, what="the stream")
        java = halved.java()
        halved.send(signal.SIGKILL)
        wait_until(lambda: is_gone(java), seconds=NO_ORPHAN_AFTER_SECONDS, what="the end of Java")
    books = read_books(ledger)
    assert (books.balances, books.holes, orders.missing()) == (True, 0, 0)
    assert books.totals.silver_rows == orders.sent
