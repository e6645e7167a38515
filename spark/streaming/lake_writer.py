"""
The lake writer: the one process that writes the lake. Kafka `orders.v1` to bronze, silver, rejected, gold
and `live`.

    python -m spark.streaming.lake_writer                     # runs until SIGTERM, which ends it after the
    running batch python -m spark.streaming.lake_writer --until-caught-up   # takes what Kafka has now and
    exits
"""

import argparse
import fcntl
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

from include.errors import LakehouseError, SettingsError, WriterAlreadyRunning
from include.settings import KafkaSettings, LakeSettings, Settings, StreamSettings, get_settings
from lake.schemas.orders import KAFKA_RECORD
from lake.tables import TABLES, checkpoint, order_index, writer_lock
from spark.session import get_session
from spark.streaming.batch import BatchWriter
from spark.streaming.closing import ClosedBatch, close_batch
from spark.streaming.database import Database
from spark.streaming.delta_log import ensure_table
from spark.streaming.generation import QUERY, Generation
from spark.streaming.opening import closed_offsets, open_generation, open_index
from spark.streaming.progress import Heartbeat
from spark.streaming.topic import Topic
from spark.transforms.orders import judged_orders

log = logging.getLogger("lake_writer")
# How long a batch waits for PostgreSQL before the driver gives up and is started anew.
DATABASE_PATIENCE_SECONDS = 60


def read_records(
    spark: SparkSession, kafka: KafkaSettings, stream: StreamSettings, generation: Generation
) -> DataFrame:
    """The topic as a stream of KAFKA_RECORD, from where the generation began."""
    starting = {generation.topic: {str(p): o for p, o in generation.starting_offsets.items()}}
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
        .load()
    )


def as_judged(kafka_rows: DataFrame, lake: LakeSettings) -> DataFrame:
    """
    Columns of `judged_orders`.

    Said here, once, and not batch by batch: to analyse the order rules takes longer than to apply them to
    a small batch.
    """
    records = kafka_rows.withColumnRenamed("timestamp", "kafka_timestamp").select(*KAFKA_RECORD.names)
    return records.transform(
        judged_orders,
        reporting_currency=lake.reporting_currency,
        late_after_minutes=lake.late_after_minutes,
        email_key=email_key(lake.email_hmac_key_file),
    )


class BatchNotBegun(Exception):
    """A stop is wanted: the batch that Spark has planned is left for the next start."""


class GracefulStop:
    """Ends the query between two batches, so that the last one leaves nothing to replay."""

    def __init__(self) -> None:
        self.wanted = threading.Event()
        # What made a batch fail, before Spark wraps it in traces of both languages.
        self.cause: Exception | None = None

    def hold_back_new_batch(self) -> None:
        if self.wanted.is_set():
            raise BatchNotBegun

    def carry_out(self, query: StreamingQuery) -> None:
        """Wait for the running batch, then stop. A batch that begins meanwhile ends the query by itself."""
        while query.isActive and query.status["isTriggerActive"]:
            time.sleep(0.1)
        if query.isActive:
            query.stop()


def start(
    judged: DataFrame, writer: BatchWriter, settings: Settings, stop: GracefulStop, *, until_caught_up: bool
) -> StreamingQuery:
    def write(batch: DataFrame, spark_batch_id: int) -> None:
        try:
            stop.hold_back_new_batch()
            writer.write(batch, spark_batch_id)
        except Exception as error:
            stop.cause = error
            raise

    pace = f"{settings.stream.trigger_seconds} seconds"
    trigger = {"availableNow": True} if until_caught_up else {"processingTime": pace}
    return (
        judged.writeStream.queryName(QUERY)
        .option("checkpointLocation", str(checkpoint(settings.lake.root, QUERY)))
        .trigger(**trigger)
        .foreachBatch(write)
        .start()
    )


@contextmanager
def sole_writer(root: Path) -> Iterator[None]:
    """
    Hold the lake's lock. The kernel lets go of it when the process ends, however it ends.

    Raises:
        WriterAlreadyRunning: another process holds it.
    """
    path = writer_lock(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise WriterAlreadyRunning(
                f"Starting a lake writer on {root}: process {lock.read().strip() or '?'} already writes it"
                " and holds"
                f" {path}. This process wrote nothing. Stop the other one (`saleslake status` shows it), or"
                " use another"
                " lake.root."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def email_key(path: Path) -> bytes:
    """
    The key of the e-mail HMAC: 32 to 64 bytes as hex.

    Raises:
        SettingsError: the file is missing or holds something else.
    """
    try:
        key = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"Reading the e-mail HMAC key {path} (lake.email_hmac_key_file): {error}. Nothing was started."
            " `saleslake up` generates it; a lost key cannot be made again, old and new HMACs would differ."
        ) from error
    if not 32 <= len(key) <= 64:
        raise SettingsError(
            f"Reading the e-mail HMAC key {path}: {len(key)} bytes, 32 to 64 are needed. Nothing was started."
        )
    return key


def run(settings: Settings, stop: GracefulStop, *, until_caught_up: bool) -> None:
    """Write the lake until stopped or, on wish, until Kafka has no more."""
    root = settings.lake.root
    topic = Topic(settings.kafka)
    database = Database(settings.postgres, application_name="lake-writer")
    generation = open_generation(root, topic, database)
    heartbeat = Heartbeat(
        Database(settings.postgres, application_name="lake-writer heartbeat"),
        generation,
        topic.end_offsets,
        seconds=settings.stream.heartbeat_seconds,
    )

    def close(batch: ClosedBatch) -> None:
        database.run_patiently(lambda c: close_batch(c, batch), seconds=DATABASE_PATIENCE_SECONDS)
        heartbeat.batch_closed({row.partition: row.end_offset for row in batch.ledger})
        log.info("batch %d closed: %d records in %.2f s", batch.batch_id, batch.rows, batch.seconds)

    heartbeat.start(database.run(lambda c: closed_offsets(c, settings.kafka.orders_topic)))
    try:
        spark = get_session("lake-writer", settings.stream)
        threading.Thread(target=end_with_java, args=[spark], name="java", daemon=True).start()
        for table in TABLES:
            ensure_table(spark, table, root)
        index = open_index(order_index(root), root, generation)
        reach = partial(end_at, settings.stream.fault_point)
        writer = BatchWriter(root, generation, index, close, reach)
        judged = as_judged(read_records(spark, settings.kafka, settings.stream, generation), settings.lake)
        query = start(judged, writer, settings, stop, until_caught_up=until_caught_up)
        heartbeat.say("running")
        log.info("writing %s from batch %d on", root, generation.first_batch_id)
        await_end(query, stop, heartbeat)
    except Exception as error:
        cause = stop.cause or error
        if not isinstance(cause, BatchNotBegun):
            heartbeat.end("failed", str(cause)[:1_000])
            raise cause from None
    heartbeat.end("stopped")


def end_at(fault_point: str, step: str) -> None:
    """End this process as a crash would, where a test wants it."""
    if step == fault_point:
        os.kill(os.getpid(), signal.SIGKILL)


def end_with_java(spark: SparkSession) -> None:
    """Half a driver is no driver: when Java is gone, this process goes too, and both are started anew."""
    java = spark.sparkContext._gateway.proc  # type: ignore[union-attr]
    status = java.wait()
    log.error("Java ended with status %s; the driver ends with it", status)
    os._exit(1)


def await_end(query: StreamingQuery, stop: GracefulStop, heartbeat: Heartbeat) -> None:
    while not query.awaitTermination(1):
        if stop.wanted.is_set():
            heartbeat.say("stopping")
            stop.carry_out(query)
            return


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="lake_writer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--until-caught-up", action="store_true", help="take what Kafka has now, close it, exit"
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.Formatter.converter = time.gmtime
    logging.getLogger("kafka").setLevel(logging.ERROR)
    # A failed batch is told once, by the last lines of this function.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    stop = GracefulStop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.wanted.set())
    try:
        settings = get_settings()
        with sole_writer(settings.lake.root):
            run(settings, stop, until_caught_up=args.until_caught_up)
    except LakehouseError as error:
        log.error("%s", error)
        return 1
    except Exception:
        log.exception("the stream broke off; the running batch will be replayed")
        return 1
    log.info("stopped")
    return 0


if __name__ == "__main__":
    # Threads of py4j or of the Kafka client must not keep a driver alive that has nothing more to do.
    os._exit(main())
