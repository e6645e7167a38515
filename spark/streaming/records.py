"""The topic as the stream reads it, and its records judged."""

import json
from collections.abc import Iterable

from pyspark.sql import DataFrame, SparkSession

from include.settings import KafkaSettings, LakeSettings, StreamSettings
from lake.schemas.orders import KAFKA_RECORD
from spark.streaming.generation import Generation
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
        # Each task makes the code of the order rules anew, a quarter of a core-second, before it finds it
        # compiled. One per core, not one per partition of the topic.
        .coalesce(stream.cores)
    )


def as_judged(rows: DataFrame, lake: LakeSettings, *, key: bytes, keep: Iterable[str] = ()) -> DataFrame:
    """
    Columns of `judged_orders`, and those of `keep`. `rows` are Spark's of a topic, or those of bronze.

    Said here, once, and not batch by batch: to analyse the order rules takes longer than to apply them to
    a small batch.
    """
    records = rows.withColumnRenamed("timestamp", "kafka_timestamp").select(*KAFKA_RECORD.names, *keep)
    return records.transform(
        judged_orders,
        reporting_currency=lake.reporting_currency,
        late_after_minutes=lake.late_after_minutes,
        email_key=key,
    )
