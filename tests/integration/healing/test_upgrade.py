"""A version that cannot go on from the lake: caused on a real one, found before a deploy and at the start."""

from collections.abc import Callable
from functools import partial

import pyspark.sql.functions as F
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from include.errors import UpgradeRefused
from include.findings import Finding
from include.settings import KafkaSettings, Settings, StreamSettings
from lake.schemas.orders import COLUMNS
from lake.tables import SILVER_ORDERS, checkpoint
from spark.batch import rebuild_lake
from spark.session import settings_of_session
from spark.streaming.generation import QUERY, begin_generation
from spark.streaming.upgrade_check import declared_query, findings
from spark.streaming.upgrade_checkpoint import DeclaredQuery
from tests.draining import Crash, catch_up, goes_on, refused, send_orders

pytestmark = [pytest.mark.spark, pytest.mark.stack]

STATEFUL = ("orders by event_id",)


def cannot(settings: Settings, query: DeclaredQuery | None = None) -> dict[str, Finding]:
    """What stands against this version, each with its way out."""
    found = {f.what: f for f in findings(settings, query) if f.state == "cannot"}
    assert all(finding.way_out for finding in found.values())
    return found


def silver(settings: Settings) -> str:
    return f"delta.`{SILVER_ORDERS.path(settings.lake.root)}`"


def rewritten(change: Callable[[DataFrame], DataFrame], partition: str) -> Callable:
    def cause(settings: Settings, spark: SparkSession) -> None:
        path = str(SILVER_ORDERS.path(settings.lake.root))
        rows = spark.read.format("delta").load(path).transform(change)
        writer = rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
        writer.partitionBy(partition).save(path)

    return cause


def altered(change: str) -> Callable:
    def cause(settings: Settings, spark: SparkSession) -> None:
        spark.sql(f"alter table {silver(settings)} {change}")

    return cause


def with_text(orders: DataFrame) -> DataFrame:
    return orders.withColumn("rescued", F.to_json("rescued"))


TABLE_CASES = {
    "removed": (altered("add columns (gone string)"), "silver.orders.gone", "no longer declared"),
    "retyped": (rewritten(with_text, "date_utc"), "silver.orders.rescued", "is string and declared variant"),
    "newly required": (altered("alter column region drop not null"), "silver.orders.region", "required"),
    "partitions": (rewritten(lambda rows: rows, "region"), "silver.orders", "is partitioned by region"),
    "protocol": (
        altered("set tblproperties ('delta.enableDeletionVectors' = 'true')"),
        "silver.orders",
        "needs the Delta features deletionVectors",
    ),
}


@pytest.mark.parametrize("case", TABLE_CASES)
def test_another_table_is_found_before_and_refused_at_the_start(lake, spark, case):
    """With the same words in both places."""
    assert cannot(lake) == {}
    cause, what, said = TABLE_CASES[case]
    cause(lake, spark)
    assert said in cannot(lake)[what].text
    refused(lake, spark, UpgradeRefused, what, said)


def test_a_required_column_is_refused_and_an_optional_one_grows(lake, spark, monkeypatch):
    """Declared by the new version alone; the start that adds it leaves every file as it was."""
    # What other tests left in the topic: nothing here fills the new column.
    catch_up(lake, spark)
    held = COLUMNS[SILVER_ORDERS]
    required = T.StructType([*held, T.StructField("shop", T.StringType(), nullable=False)])
    monkeypatch.setitem(COLUMNS, SILVER_ORDERS, required)
    assert list(cannot(lake)) == ["silver.orders.shop"]

    monkeypatch.setitem(COLUMNS, SILVER_ORDERS, T.StructType([*held, T.StructField("shop", T.StringType())]))
    assert [f.what for f in findings(lake) if f.state == "grows"] == ["silver.orders.shop"]
    files = {file: file.stat().st_mtime_ns for file in SILVER_ORDERS.path(lake.lake.root).rglob("*.parquet")}
    catch_up(lake, spark)
    assert all(f.state == "ok" for f in findings(lake))
    assert {file: file.stat().st_mtime_ns for file in files} == files


def test_a_table_of_another_type_is_rebuilt_as_the_way_out_says(lake, spark):
    """The lake from before `rescued` was a VARIANT: silver begins anew as declared, the stream goes on."""
    rewritten(with_text, "date_utc")(lake, spark)
    assert "rebuild --from-bronze" in cannot(lake)["silver.orders.rescued"].way_out

    assert rebuild_lake.run(lake, replacing=True)

    assert cannot(lake) == {}
    goes_on(lake, spark)


def test_a_batch_that_was_begun_is_left_to_its_version(lake, spark):
    """After `finish it` nothing stands against the new one."""
    send_orders(lake, 40, seed=7)

    def die(step: str) -> None:
        if step == "before_close":
            raise Crash(step)

    with pytest.raises(Crash):
        catch_up(lake, spark, die)
    assert list(cannot(lake)) == ["unfinished batch"]
    catch_up(lake, spark)
    assert cannot(lake) == {}


def test_settings_that_mean_something_else_are_found(lake, tmp_path):
    """Currency, key, topic."""
    key = tmp_path / "another_key"
    key.write_text("cd" * 32)

    def changed(**lake_settings) -> Settings:
        return lake.model_copy(update={"lake": lake.lake.model_copy(update=lake_settings)})

    assert list(cannot(changed(reporting_currency="EUR"))) == ["reporting currency"]
    assert list(cannot(changed(email_hmac_key_file=key))) == ["e-mail key"]
    other = lake.model_copy(update={"kafka": KafkaSettings(orders_topic="orders.v2")})
    assert list(cannot(other)) == ["source"]


def test_another_query_is_found(lake):
    """Another source beside the topic, a part with state in mid-stream, another name."""
    declared = declared_query(lake)
    two = DeclaredQuery((*declared.topics, "returns.v1"), declared.session)
    assert list(cannot(lake, two)) == ["source"]
    assert list(cannot(lake, DeclaredQuery(declared.topics, declared.session, STATEFUL))) == [
        "stateful parts"
    ]
    folder = checkpoint(lake.lake.root, QUERY)
    folder.rename(folder.with_name("sales"))
    assert list(cannot(lake)) == ["query"]


def test_state_and_its_settings_are_found(healthy, spark, tmp_path):
    """A query of before that kept state: none is declared any more, or it would be laid out otherwise."""
    root, kafka = tmp_path / "lake", healthy.kafka
    begin_generation(
        root, topic=kafka.orders_topic, topic_id="t", first_batch_id=0, starting_offsets={}, email_key="k"
    )
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka.bootstrap_servers)
        .option("subscribe", kafka.orders_topic)
        .option("startingOffsets", "earliest")
        .load()
    )
    query = (
        records.dropDuplicates(["key"])
        .writeStream.option("checkpointLocation", str(checkpoint(root, QUERY)))
        .trigger(availableNow=True)
        .foreachBatch(lambda batch, _: batch.count())
        .start()
    )
    query.awaitTermination()
    lake = healthy.model_copy(update={"lake": healthy.lake.model_copy(update={"root": root})})
    assert {"stateful parts"} == set(cannot(lake)) - {"e-mail key"}

    shuffled = partial(DeclaredQuery, (kafka.orders_topic,), stateful_parts=STATEFUL)
    assert set(cannot(lake, shuffled(settings_of_session(StreamSettings(cores=2))))) == {"e-mail key"}
    changed = cannot(lake, shuffled(settings_of_session(StreamSettings(cores=3))))
    assert set(changed) == {"spark.sql.shuffle.partitions", "e-mail key"}


def test_without_state_the_number_of_cores_may_change(lake):
    """The checkpoint's number of shuffle partitions goes on to hold, which is told."""
    other = lake.model_copy(update={"stream": StreamSettings(cores=3)})
    told = {f.what: f for f in findings(other)}["spark.sql.shuffle.partitions"]
    assert (told.state, told.text[:38]) == ("ok", "is 2 in the checkpoint and 3 in this v")
