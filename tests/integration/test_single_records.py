"""Large records of a batch are fetched by their position, byte for byte as Spark reads them."""

from contextlib import closing

import pyarrow as pa
import pytest
from kafka import KafkaProducer
from kafka.admin import NewTopic

from include.settings import KafkaSettings
from lake.schemas.orders import KAFKA_RECORD
from spark.streaming import judging
from spark.streaming.judging import Judge
from spark.streaming.records import as_records
from spark.streaming.single_records import SingleRecords
from stack import kafka
from stack.processes import free_port
from tests.orders import order, value_of
from tests.unit.test_plain_orders import TERMS

pytestmark = [pytest.mark.spark, pytest.mark.stack]

LARGE = 40_000
HEADERS = [("trace", b"\x00\xff"), ("trace", b"2"), ("é", b"")]


@pytest.fixture(scope="module")
def topic(kafka_broker) -> KafkaSettings:
    """Small and large records, compressed and not, of which the broker keeps several in one batch."""
    settings = KafkaSettings(bootstrap_servers=kafka_broker, orders_topic="single.v1", partitions=2)
    with kafka.administration(kafka_broker, seconds=30) as client:
        client.create_topics([NewTopic(settings.orders_topic, 2, 1, topic_configs=kafka.TOPIC_CONFIGURATION)])
    for compression in (None, "lz4", "gzip"):
        with closing(
            KafkaProducer(
                bootstrap_servers=kafka_broker, compression_type=compression, linger_ms=100,
                max_request_size=kafka.MAX_MESSAGE_BYTES,
            )
        ) as producer:  # fmt: skip
            for number in range(8):
                note = "x" * LARGE if number % 4 == 3 else ""
                value = value_of(order(order_id=f"O-{compression}-{number}", note=note))
                headers = HEADERS if number % 2 else []
                producer.send(settings.orders_topic, value, b"key", headers, partition=number // 4)
            producer.send(settings.orders_topic, None, b"k", [("large", b"h" * LARGE)], partition=1)
            producer.flush()
    return settings


def judged(spark, topic: KafkaSettings, folder, singles: SingleRecords | None) -> pa.Table:
    rows = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", topic.bootstrap_servers)
        .option("subscribe", topic.orders_topic)
        .option("includeHeaders", "true")
        .load()
    )
    found = Judge(spark, TERMS, folder, singles).judged(as_records(rows))
    assert found is not None
    return found.select([*KAFKA_RECORD.names, "reasons"])


def test_they_are_the_records_that_spark_reads(spark, topic, tmp_path, monkeypatch):
    by_spark = judged(spark, topic, tmp_path, None)
    assert sum(len(value or b"") > LARGE for value in by_spark["value"].to_pylist()) == 6
    assert sum(headers is None for headers in by_spark["headers"].to_pylist()) > 0

    read_again = []
    whole = judging._with_bulk_where
    monkeypatch.setattr(judging, "_with_bulk_where", lambda *a: read_again.append(1) or whole(*a))
    assert judged(spark, topic, tmp_path, SingleRecords(topic)).equals(by_spark)
    assert len(read_again) == 1


def test_many_are_read_by_spark(spark, topic, tmp_path, monkeypatch):
    monkeypatch.setattr(judging, "FEW_LARGE_RECORDS", 8)
    monkeypatch.setattr(SingleRecords, "read", lambda *_: pytest.fail("9 are many"))
    assert judged(spark, topic, tmp_path, SingleRecords(topic)).num_rows == 27


@pytest.mark.parametrize("missing", ["broker", "record"])
def test_what_cannot_be_read_is_read_by_spark(spark, topic, tmp_path, monkeypatch, missing, caplog):
    if missing == "broker":
        singles = SingleRecords(topic.model_copy(update={"bootstrap_servers": f"127.0.0.1:{free_port()}"}))
        monkeypatch.setattr("spark.streaming.single_records.BOOTSTRAP_MS", 500)
    else:
        singles = SingleRecords(topic.model_copy(update={"orders_topic": "other.v1"}))
        monkeypatch.setattr("spark.streaming.single_records.PATIENCE_MS", 500)
    assert singles.read([(0, 3)]) is None
    assert "the whole batch is read once more" in caplog.text
    caplog.clear()
    assert singles.read([(0, 3)]) is None
    assert caplog.text == ""  # it rests
    assert judged(spark, topic, tmp_path, singles).num_rows == 27


def test_nothing_else_is_taken_for_a_record(topic):
    """What is not there yet is not found; the same one twice, and back and forth, is."""
    assert SingleRecords(topic).read([(0, 10_000)]) is None
    singles = SingleRecords(topic)
    found = singles.read([(0, 3), (1, 3), (0, 3)])
    assert found is not None
    assert [len(one["value"]) > LARGE for one in found] == [True, True, True]
    assert found[0] == found[2]
