"""
The lake writer: the one process that writes the lake. Kafka `orders.v1` to bronze, silver, rejected, gold
and `live`.

    python -m spark.streaming.lake_writer                     # until SIGTERM, then to the end of its batch
    python -m spark.streaming.lake_writer --until-caught-up   # takes what Kafka has now and exits
"""

import argparse
import logging
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from threading import Lock, Thread

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

from include.errors import LakehouseError
from include.fault_points import Reach, fault_points, pass_by
from include.metrics import StreamMetrics
from include.settings import Settings, get_settings
from lake.tables import TABLES, checkpoint, order_index
from spark.session import get_session
from spark.streaming.batch import BatchWriter
from spark.streaming.closing import ClosedBatch, close_batch
from spark.streaming.database import Database
from spark.streaming.delta_log import ensure_table
from spark.streaming.email_key import email_key, fingerprint
from spark.streaming.generation import QUERY, Generation
from spark.streaming.java_half import JavaWatch, end_orphan, java_gateway
from spark.streaming.judging import Judge
from spark.streaming.ledger import LEDGER_PATIENCE_SECONDS, closed_offsets, last_closed
from spark.streaming.metrics import figures_of, serve_metrics
from spark.streaming.opening import open_generation, open_index, verify_start
from spark.streaming.plan import read_plan
from spark.streaming.process import (
    BatchNotBegun,
    GracefulStop,
    collect_garbage,
    collect_garbage_seldom,
    end_java,
    end_with_java,
    lock_for_java,
    sole_writer,
)
from spark.streaming.progress import Heartbeat
from spark.streaming.records import as_records, read_records, terms_of
from spark.streaming.single_records import SingleRecords
from spark.streaming.table_requests import TableRequestDesk
from spark.streaming.topic import reach_topic

log = logging.getLogger("lake_writer")
# How long a batch waits for PostgreSQL before the driver gives up and is started anew.
DATABASE_PATIENCE_SECONDS = 60
# How long a start waits for PostgreSQL and Kafka: they may come up later than this process.
START_PATIENCE_SECONDS = 600


def start(
    records: DataFrame,
    writer: BatchWriter,
    settings: Settings,
    stop: GracefulStop,
    turn: Lock,
    *,
    until_caught_up: bool,
) -> StreamingQuery:
    """Start the query. `turn` is held as long as a batch writes."""

    def write(batch: DataFrame, spark_batch_id: int) -> None:
        try:
            with turn:
                stop.hold_back_new_batch()
                writer.write(batch, read_plan(writer.root, writer.generation, spark_batch_id))
        except Exception as error:
            stop.cause = error
            raise
        finally:
            collect_garbage()

    pace = f"{settings.stream.trigger_seconds} seconds"
    trigger = {"availableNow": True} if until_caught_up else {"processingTime": pace}
    return (
        records.writeStream.queryName(QUERY)
        .option("checkpointLocation", str(checkpoint(settings.lake.root, QUERY)))
        .trigger(**trigger)
        .foreachBatch(write)
        .start()
    )


def run(settings: Settings, stop: GracefulStop, *, until_caught_up: bool) -> None:
    """Write the lake until stopped or, on wish, until Kafka has no more."""
    root = settings.lake.root
    key = email_key(settings.lake.email_hmac_key_file)
    database = Database(settings.postgres, application_name="lake-writer")
    database.run_patiently(last_closed, seconds=START_PATIENCE_SECONDS)
    metrics, heartbeat = begin_telling(settings)
    turn = Lock()
    try:
        end_orphan(root)
        topic = reach_topic(settings.kafka, stop.wanted, seconds=START_PATIENCE_SECONDS)
        with heartbeat.busy_within("adding up the ledger", 3 * LEDGER_PATIENCE_SECONDS):
            generation = open_generation(root, topic, database, email_key=fingerprint(key))
            closed = database.run(lambda connection: closed_offsets(connection, topic.name))
            heartbeat.follow(generation.uuid, closed, topic.end_offsets)
            verify_start(root, generation, topic, database)
        JavaWatch(java_gateway, stop.done, seconds=settings.stream.java_silence_seconds).start()
        spark = open_session(settings)
        java = spark.sparkContext._gateway.proc  # type: ignore[union-attr]
        Thread(target=end_with_java, args=[java, stop.done], name="java", daemon=True).start()
        _held = lock_for_java(spark, root)
        on_batch = partial(close, database, heartbeat, metrics)
        moved = partial(heartbeat.index_grows, stop.hold_back_new_batch)
        writer = open_writer(spark, settings, generation, key, on_batch, moved)
        records = read_records(spark, settings.kafka, settings.stream, generation, topic.end_offsets())
        collect_garbage_seldom()
        query = start(as_records(records), writer, settings, stop, turn, until_caught_up=until_caught_up)
        busy = partial(heartbeat.busy_within, seconds=settings.stream.request_seconds)
        desk = TableRequestDesk(spark, writer, database_for(settings, "requests"), turn, busy)
        Thread(target=desk.serve, args=[stop.done], name="table requests", daemon=True).start()
        log.info("writing %s", root)
        heartbeat.say("running")
        await_end(query, stop, heartbeat)
    except Exception as error:
        cause = stop.cause or error
        if not isinstance(cause, BatchNotBegun):
            heartbeat.end("failed", str(cause)[:1_000])
            raise cause from None
    stop.done.set()
    with turn:  # a request that was begun is finished
        heartbeat.end("stopped")
    end_java(spark, java)


def begin_telling(settings: Settings) -> tuple[StreamMetrics, Heartbeat]:
    """Whoever watches hears of this process from now on."""
    stream = settings.stream
    metrics = serve_metrics(stream.metrics_port, database_for(settings, "metrics"), settings.lake.root)
    heartbeat = Heartbeat(
        database_for(settings, "heartbeat"), seconds=stream.heartbeat_seconds, beaten=metrics.beaten
    )
    heartbeat.start()
    return metrics, heartbeat


def database_for(settings: Settings, thread: str) -> Database:
    return Database(settings.postgres, application_name=f"lake-writer {thread}")


def close(
    database: Database, heartbeat: Heartbeat, metrics: StreamMetrics, batch: ClosedBatch, reach: Reach
) -> None:
    began = time.monotonic()
    is_new = database.run_patiently(
        lambda connection: close_batch(connection, batch, reach), seconds=DATABASE_PATIENCE_SECONDS
    )
    heartbeat.batch_closed({row.partition: row.end_offset for row in batch.ledger})
    if batch.as_of:
        metrics.read_up_to(batch.as_of)
    metrics.batch_closed(
        batch.ledger, figures_of(batch, close_seconds=time.monotonic() - began, is_new=is_new)
    )
    log.info("batch %d closed: %d records in %.2f s", batch.batch_id, batch.rows, batch.seconds)


def open_session(settings: Settings) -> SparkSession:
    """What was compacted once is not written again with the next compaction."""
    small = str(settings.maintenance.small_file_bytes)
    return get_session("lake-writer", settings.stream, spark__databricks__delta__optimize__minFileSize=small)


def open_writer(
    spark: SparkSession,
    settings: Settings,
    generation: Generation,
    key: bytes,
    close: Callable[[ClosedBatch, Reach], None],
    moved: Callable[[int], None] = lambda count: None,
) -> BatchWriter:
    """
    The tables as declared, the index as silver is, the rules, and what writes by them.

    Args:
        moved: told how far the index is while it is built anew.
    """
    root = settings.lake.root
    for table in TABLES:
        ensure_table(spark, table, root)
    index = open_index(order_index(root), root, generation, moved)
    judge = Judge(spark, terms_of(settings.lake, key=key), root, SingleRecords(settings.kafka))
    return BatchWriter(root, generation, index, judge, close, reach_of(settings))


def reach_of(settings: Settings) -> Reach:
    if settings.profile != "test":
        return pass_by
    return fault_points(fixed=settings.stream.fault_point, run_folder=settings.run_dir)


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
