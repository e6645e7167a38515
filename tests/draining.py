"""The lake writer without its process: takes what Kafka has, closes it, and can be made to die on the way."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Lock

import psycopg
import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession

from include.errors import StreamError
from include.fault_points import Reach, pass_by
from include.reconcile.run import Reconciliation, reconcile
from include.settings import Settings
from simulator.schedule import Plan
from simulator.session import Request, send
from simulator.traffic import Shares
from spark.streaming.closing import ClosedBatch, close_batch
from spark.streaming.database import Database
from spark.streaming.email_key import email_key, fingerprint
from spark.streaming.lake_writer import open_writer, start
from spark.streaming.opening import open_generation, verify_start
from spark.streaming.process import GracefulStop, sole_writer
from spark.streaming.records import as_records, read_records
from spark.streaming.topic import Topic

FAULTS = Shares(duplicates=0.1, late=0.05, bad=0.1, conflicts=0.02)


class Crash(Exception):
    """Stands for the end of the process; nothing after it runs."""


def send_orders(settings: Settings, count: int, *, seed: int, shares: Shares = FAULTS) -> None:
    """Simulated records to the topic, noted in the manifest."""
    send(Request(Plan(rate=None, count=count), shares, seed), settings.kafka, settings.manifest)


def catch_up(settings: Settings, spark: SparkSession, reach: Reach = pass_by) -> None:
    """
    Everything that a driver does from its start until Kafka has no more.

    Raises:
        StreamError: the start is refused.
        Crash: `reach` raised it.
    """
    root, key = settings.lake.root, email_key(settings.lake.email_hmac_key_file)
    database = Database(settings.postgres, application_name="test")
    topic = Topic(settings.kafka)

    def close(batch: ClosedBatch, reach: Reach) -> None:
        database.run(lambda connection: close_batch(connection, batch, reach))

    with sole_writer(root), closing(database):
        generation = open_generation(root, topic, database, email_key=fingerprint(key))
        verify_start(root, generation, topic, database)
        writer = replace(open_writer(spark, settings, generation, key, close), reach=reach)
        stop = GracefulStop()
        records = read_records(spark, settings.kafka, settings.stream, generation, topic.end_offsets())
        query = start(as_records(records), writer, settings, stop, Lock(), until_caught_up=True)
        try:
            query.awaitTermination()
        except StreamingQueryException:
            raise stop.cause or RuntimeError("the query failed outside of its batch") from None
        finally:
            query.stop()
            writer.index.close()


def reconciled(settings: Settings) -> Reconciliation:
    """Manifest against every layer."""
    return reconcile(settings)


def refused(settings: Settings, spark: SparkSession, kind: type[StreamError], *words: str) -> None:
    """The start is refused, and the message has all of `words`."""
    with pytest.raises(kind) as refusal:
        catch_up(settings, spark)
    missing = [word for word in words if word not in str(refusal.value)]
    assert not missing, f"{missing} not in: {refusal.value}"


def goes_on(settings: Settings, spark: SparkSession) -> None:
    """The stream goes on with new orders, and nothing is missing or twice."""
    send_orders(settings, 40, seed=91)
    catch_up(settings, spark)
    result = reconciled(settings)
    assert result.passed, result.as_json()


def forget(owner: psycopg.Connection) -> None:
    """The database as it was before the first batch, for the next lake."""
    owner.execute(
        "truncate ops.ledger, ops.hour_ledger, ops.generations, ops.accepted_losses, ops.stream_progress,"
        " ops.redriven, ops.table_requests, ops.hours_to_publish, live.product_sales_minute,"
        " live.order_value_minute, live.products, live.unknown_fields"
    )


def key_file(folder: Path) -> Path:
    path = folder / "email_hmac_key"
    path.write_text("ab" * 32)
    return path
