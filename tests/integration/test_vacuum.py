"""Files that nobody needs any more are deleted, no others, and not while somebody reads the lake."""

import os
import shutil
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any, NamedTuple

import psycopg
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from include.fault_points import Reach
from include.lake_readers import readers, reading_lake
from include.maintenance.waste import waste_of
from include.publish.request import Request
from include.publish.run import publish
from include.publish.snapshot import Snapshot
from include.settings import PostgresSettings, PublishSettings
from include.table_files import files_in, unneeded
from include.table_requests import TableRequest, Vacuum, ask, read
from lake.reading import delta_table
from lake.tables import BRONZE_ORDERS, GOLD_ORDER_VALUE_MINUTE, shadow
from spark.streaming.batch import BatchWriter
from spark.streaming.database import Database
from spark.streaming.delta_log import HeldTables, append_arrow, ensure_table
from spark.streaming.table_requests import TableRequestDesk
from spark.streaming.vacuum import state_of, vacuum
from tests.aged_lake import age_table

pytestmark = [pytest.mark.spark, pytest.mark.stack]
BATCHES = 3
TABLE = GOLD_ORDER_VALUE_MINUTE


class Crash(Exception):
    """Stands for the end of the process; nothing after it runs."""


class Lake(NamedTuple):
    spark: SparkSession
    root: Path
    connection: psycopg.Connection

    def content(self) -> list[dict[str, Any]]:
        return delta_table(TABLE, self.root).to_pyarrow_table().sort_by("batch_id").to_pylist()


@pytest.fixture(scope="module")
def compacted(spark, tmp_path_factory) -> Path:
    """Every batch's file lies beside the one that took its place, compacted just now."""
    root = tmp_path_factory.mktemp("compacted") / "lake"
    ensure_table(spark, BRONZE_ORDERS, root)
    ensure_table(spark, TABLE, root)
    for number in range(BATCHES):
        append_arrow(rows(number), TABLE, HeldTables(root), app_id="orders:x", batch_id=number)
    DeltaTable(str(TABLE.path(root))).optimize.compact()
    return root


def rows(batch_id: int) -> pa.Table:
    minute = pa.array([datetime(2026, 11, 22, 11, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    numbers = {name: pa.array([batch_id], pa.int64()) for name in ("orders", "revenue_cents", "batch_id")}
    texts = {"region": ["EMEA"], "channel": ["web"]}
    return pa.table({"minute_utc": minute, **texts, **numbers, "date_utc": [date(2026, 11, 22)]})


@pytest.fixture
def lake(spark, compacted: Path, tmp_path: Path, connection: psycopg.Connection) -> Lake:
    """The same, eight days later."""
    shutil.copytree(compacted, tmp_path / "lake")
    age_table(TABLE, tmp_path / "lake", timedelta(days=8))
    return Lake(spark, tmp_path / "lake", connection)


@pytest.fixture
def database(own_sales_database: PostgresSettings) -> Database:
    return Database(own_sales_database, application_name="test requests")


def desk(lake: Lake, database: Database, reach: Reach = lambda _: None) -> TableRequestDesk:
    generation = SimpleNamespace(app_id="orders:x")
    writer = BatchWriter(lake.root, generation, None, None, None, reach)  # type: ignore[arg-type]
    return TableRequestDesk(lake.spark, writer, database, Lock())


def carried_out(lake: Lake, database: Database, what: Vacuum) -> TableRequest:
    number = ask(lake.connection, what, by="test")
    assert desk(lake, database).carry_out_next()
    return read(lake.connection, number)


def lying(lake: Lake) -> set[str]:
    return {path for path, _ in files_in(TABLE.path(lake.root))}


def test_what_was_compacted_a_week_ago_is_deleted(lake, database):
    """A file per batch, and the draft of a writer that died; no row changes, and the planner foresaw it."""
    before = lake.content()
    draft = TABLE.path(lake.root) / "date_utc=2026-11-22" / "part-of-a-writer-that-died.parquet"
    draft.write_bytes(b"x" * 1_000)
    os.utime(draft, (0, 0))
    planned = waste_of(TABLE, lake.root, now=datetime.now(UTC))
    foreseen = {file.path for file in unneeded(TABLE, lake.root)}
    in_spark = lake.spark.sql(f"vacuum delta.`{TABLE.path(lake.root)}` dry run").collect()
    assert {row.path.partition(f"/{TABLE.name}/")[2] for row in in_spark} == foreseen

    done = carried_out(lake, database, Vacuum(TABLE))
    assert (done.state, done.detail) == ("done", "")
    assert (done.result["files_deleted"], done.result["bytes_deleted"]) == tuple(planned.expired)
    assert planned.expired.files == BATCHES + 1
    assert done.result["content"].startswith(f"{BATCHES}:")
    assert unneeded(TABLE, lake.root) == []
    assert lake.content() == before


def test_a_batch_that_came_meanwhile_is_kept(lake, database, monkeypatch):
    """Between the first look at the table and VACUUM: the proof is about what was there before."""
    append_arrow(rows(BATCHES), TABLE, HeldTables(lake.root), app_id="orders:x", batch_id=BATCHES)

    def and_then_a_batch(spark, root, table):
        before = state_of(spark, root, table)
        append_arrow(rows(BATCHES + 1), TABLE, HeldTables(root), app_id="orders:x", batch_id=BATCHES + 1)
        return before

    monkeypatch.setattr("spark.streaming.table_requests.state_of", and_then_a_batch)
    done = carried_out(lake, database, Vacuum(TABLE))
    assert (done.state, done.detail, done.result["rows"]) == ("done", "", BATCHES + 1)
    assert len(lake.content()) == BATCHES + 2


def test_a_row_that_is_gone_is_found(lake, database, monkeypatch):
    """As if VACUUM had changed the table."""

    def lossy(spark, root, table, reach):
        DeltaTable(str(table.path(root))).delete("batch_id = 1")
        done = vacuum(spark, root, table, reach)
        return {**done, "version_before": done["version_before"] - 1}

    monkeypatch.setattr("spark.streaming.table_requests.vacuum", lossy)
    failed = carried_out(lake, database, Vacuum(TABLE))
    assert failed.state == "failed"
    assert f"before it held {BATCHES}:" in failed.detail


def test_what_was_compacted_today_stays(spark, compacted, database, tmp_path, connection):
    """Although it was written long ago: a reader may have opened the version before."""
    shutil.copytree(compacted, tmp_path / "lake")
    young = Lake(spark, tmp_path / "lake", connection)
    before = lying(young)
    done = carried_out(young, database, Vacuum(TABLE))
    assert (done.state, done.result["files_deleted"]) == ("done", 0)
    assert (done.result["not_old_enough_files"], lying(young)) == (BATCHES, before)


def test_it_is_refused_while_somebody_reads(lake, database, own_sales_database):
    """And says who, with the session to look for."""
    before = lying(lake)
    with reading_lake(own_sales_database, application_name="publish_marts"):
        refused = carried_out(lake, database, Vacuum(TABLE))
    assert refused.state == "failed"
    assert "publish_marts (PostgreSQL session" in refused.detail
    assert "No file was deleted" in refused.detail
    assert lying(lake) == before
    assert carried_out(lake, database, Vacuum(TABLE)).state == "done"


def test_a_reader_that_comes_while_the_table_is_read_is_seen(lake, database, own_sales_database, monkeypatch):
    """The look is taken again when batches stand still."""
    before = lying(lake)
    with ExitStack() as stack:

        def and_then_a_reader(spark, root, table):
            stack.enter_context(reading_lake(own_sales_database, application_name="latecomer"))
            return state_of(spark, root, table)

        monkeypatch.setattr("spark.streaming.table_requests.state_of", and_then_a_reader)
        refused = carried_out(lake, database, Vacuum(TABLE))
    assert "latecomer" in refused.detail
    assert lying(lake) == before


def test_publishing_counts_as_reading(lake, database, monkeypatch):
    """From before it opens a table to its end."""
    seen = []

    def ask_for_vacuum(*_):
        seen.append(carried_out(lake, database, Vacuum(TABLE)))
        return SimpleNamespace(batch_id=0)

    snapshot = Snapshot(0, datetime(2026, 11, 23, tzinfo=UTC), {}, {})
    monkeypatch.setattr("include.publish.run.read_snapshot", lambda _: snapshot)
    monkeypatch.setattr("include.publish.run.open_lake", ask_for_vacuum)
    publish(lake.connection, lake.root, PublishSettings(), Request("r", changed="all"))
    assert [one.state for one in seen] == ["failed"]
    assert "test (PostgreSQL session" in seen[0].detail
    assert readers(lake.connection) == []


def test_it_is_refused_while_a_rebuild_lies_in_the_shadow(lake, database):
    """Also when PostgreSQL has forgotten its lock. One that was killed days ago holds nobody up."""
    target = shadow(lake.root, "hours-20261122T11-4711")
    ensure_table(lake.spark, TABLE, target)
    refused = carried_out(lake, database, Vacuum(TABLE))
    assert refused.state == "failed"
    assert "a rebuild in shadow/hours-20261122T11-4711 (touched 0 minutes ago)" in refused.detail

    then = time.time() - timedelta(days=2).total_seconds()
    for path in (target, *target.rglob("*")):
        os.utime(path, (then, then))
    assert carried_out(lake, database, Vacuum(TABLE)).state == "done"


def test_it_goes_on_where_a_killed_writer_stopped(lake, database):
    """Once in the middle of the files, once when all are gone and nobody was told."""
    number = ask(lake.connection, Vacuum(TABLE), by="test")
    (TABLE.path(lake.root) / unneeded(TABLE, lake.root)[0].path).unlink()

    def crash(reached: str) -> None:
        if reached == f"after_vacuum_of_{TABLE.full_name}":
            raise Crash

    with pytest.raises(Crash):
        desk(lake, database, crash).carry_out_next()
    assert read(lake.connection, number).state == "running"
    assert unneeded(TABLE, lake.root) == []

    assert desk(lake, database).carry_out_next()
    done = read(lake.connection, number)
    assert (done.state, done.attempts, done.result["files_deleted"]) == ("done", 2, 0)
    assert done.result["rows"] == BATCHES


def test_a_retention_of_less_than_a_week_is_refused(lake, database):
    path = TABLE.path(lake.root)
    lake.spark.sql(
        f"alter table delta.`{path}` set tblproperties"
        " ('delta.deletedFileRetentionDuration' = 'interval 6 days')"
    )
    before = lying(lake)
    refused = carried_out(lake, database, Vacuum(TABLE))
    assert refused.state == "failed"
    assert "'interval 6 days', which is not 7 days or more" in refused.detail
    assert lying(lake) == before
