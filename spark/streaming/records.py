"""The topic as the stream reads it, and its records judged."""

import json
from collections.abc import Iterable
from dataclasses import asdict

from pyspark.sql import DataFrame, SparkSession

from include.settings import KafkaSettings, LakeSettings, StreamSettings
from lake.schemas.orders import KAFKA_RECORD
from spark.streaming.generation import Generation
from spark.streaming.plain_orders import OrderTerms
from spark.transforms.orders import judged_orders

FETCH_WAIT_MS = 20


def read_records(
    spark: SparkSession,
    kafka: KafkaSettings,
    stream: StreamSettings,
    generation: Generation,
    partitions: Iterable[int],
) -> DataFrame:
    """
    The topic as Spark's Kafka source gives it, from where the generation began.

    Args:
        partitions: of the topic now; one that was added since begins at its first record.
    """
    from_start = dict.fromkeys(partitions, 0) | generation.starting_offsets
    starting = {generation.topic: {str(p): offset for p, offset in from_start.items()}}
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka.bootstrap_servers)
        .option("subscribe", kafka.orders_topic)
        .option("startingOffsets", json.dumps(starting))
        .option("includeHeaders", "true")
        .option("maxOffsetsPerTrigger", stream.max_offsets_per_trigger)
        # Orders of a transaction that was rolled back were never placed.
        .option("kafka.isolation.level", "read_committed")
        # A gap in the topic is lost money, so the stream stops instead of skipping it.
        .option("failOnDataLoss", "true")
        # What a batch reads is there already. With the default a broker holds back every answer at the end
        # of a partition for half a second, and the batch waits.
        .option("kafka.fetch.max.wait.ms", FETCH_WAIT_MS)
        .load()
        # One task per core, not one per partition of the topic.
        .coalesce(stream.cores)
    )


def as_records(rows: DataFrame, *keep: str) -> DataFrame:
    """Columns of KAFKA_RECORD, and those of `keep`. `rows` are Spark's of a topic, or those of bronze."""
    return rows.withColumnRenamed("timestamp", "kafka_timestamp").select(*KAFKA_RECORD.names, *keep)


def terms_of(lake: LakeSettings, *, key: bytes) -> OrderTerms:
    return OrderTerms(lake.reporting_currency, lake.late_after_minutes, key)


def as_judged(rows: DataFrame, lake: LakeSettings, *, key: bytes, keep: Iterable[str] = ()) -> DataFrame:
    """Columns of `judged_orders`, and those of `keep`, all by Spark's rules. `rows` as for `as_records`."""
    return as_records(rows, *keep).transform(judged_orders, **asdict(terms_of(lake, key=key)))
