"""A version of the code that does not fit to the lake is found before it writes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from pyspark.sql import types as T

from include.errors import UpgradeRefused
from include.settings import RUN_DIR_VARIABLE, KafkaSettings, LakeSettings, Settings
from lake.schemas.orders import COLUMNS
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, TABLES, Table, checkpoint, writer_lock
from spark.streaming.delta_log import ensure_table
from spark.streaming.email_key import email_key, fingerprint
from spark.streaming.generation import QUERY, begin_generation, load_generation
from spark.streaming.table_shape import findings_of, missing_columns, refuse_misfits
from spark.streaming.upgrade_check import findings, main
from stack.cli import main as saleslake
from tests.draining import key_file

Change = Callable[[list[T.StructField]], list[T.StructField]]


def make(table: Table, root: Path, change: Change = list, partition: str | None = None) -> None:
    """The table as another version declared it."""
    held = T.StructType(change(list(COLUMNS[table].fields)))
    path = table.path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [partition or table.partition_by]
    DeltaTable.create(str(path), Schema.from_json(held.json()), partition_by=columns)


def without(name: str) -> Change:
    return lambda fields: [field for field in fields if field.name != name]


def plus(name: str) -> Change:
    return lambda fields: [*fields, T.StructField(name, T.StringType())]


def retyped(name: str, kind: T.DataType) -> Change:
    return lambda fields: [T.StructField(f.name, kind, f.nullable) if f.name == name else f for f in fields]


def optional(name: str) -> Change:
    return lambda fields: [T.StructField(f.name, f.dataType, f.name == name or f.nullable) for f in fields]


def test_a_lake_of_this_version_fits(tmp_path):
    """Every table, as declared."""
    for table in TABLES:
        make(table, tmp_path)
    assert {f.state for table in TABLES for f in findings_of(table, tmp_path)} == {"ok"}
    refuse_misfits(tmp_path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (without("region"), "silver.orders.region: is new and required"),
        (plus("coupon_code"), "silver.orders.coupon_code: is no longer declared"),
        (retyped("tax_cents", T.DoubleType()), "silver.orders.tax_cents: is double and declared bigint"),
        (optional("region"), "silver.orders.region: may be NULL and is declared required"),
    ],
    ids=["required", "removed", "retyped", "no longer optional"],
)
def test_what_cannot_be_survived_is_refused(tmp_path, change, named):
    """By the writer's start too, with the same words."""
    make(SILVER_ORDERS, tmp_path, change)
    with pytest.raises(UpgradeRefused, match=named):
        refuse_misfits(tmp_path)


def test_other_partitions_are_refused(tmp_path):
    """They cannot be changed in place."""
    make(SILVER_ORDERS, tmp_path, partition="region")
    with pytest.raises(UpgradeRefused, match="is partitioned by region and declared by date_utc"):
        refuse_misfits(tmp_path)


def test_a_new_optional_column_grows(spark, tmp_path):
    """The start adds it; rows so far have NULL there, and their files are left alone."""
    make(SILVER_ORDERS, tmp_path, without("rescued"))
    assert [f.state for f in findings_of(SILVER_ORDERS, tmp_path)] == ["grows"]

    for _ in range(2):
        ensure_table(spark, SILVER_ORDERS, tmp_path)

    assert missing_columns(SILVER_ORDERS, tmp_path) == []
    assert DeltaTable(str(SILVER_ORDERS.path(tmp_path))).version() == 1


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A lake whose checkpoint has done its only batch."""
    lake = LakeSettings(root=tmp_path / "lake", email_hmac_key_file=key_file(tmp_path))
    begin_generation(
        lake.root,
        topic="orders.v1",
        topic_id="t",
        first_batch_id=0,
        starting_offsets={0: 0},
        email_key=fingerprint(email_key(lake.email_hmac_key_file)),
    )
    plan(lake.root, 0, {"orders.v1": {"0": 10}})
    commits = checkpoint(lake.root, QUERY) / "commits"
    commits.mkdir()
    (commits / "0").write_text('v1\n{"nextBatchWatermarkMs":0}')
    return Settings(lake=lake)


def plan(root: Path, number: int, *sources: dict[str, Any]) -> None:
    folder = checkpoint(root, QUERY) / "offsets"
    folder.mkdir(exist_ok=True)
    (folder / str(number)).write_text(
        "\n".join(["v1", '{"batchTimestampMs": 1000}', *map(json.dumps, sources)])
    )


def cannot(settings: Settings) -> list[str]:
    return [finding.what for finding in findings(settings) if finding.state == "cannot"]


def test_a_checkpoint_of_this_version_fits(settings):
    """Source, state, batch, key."""
    assert cannot(settings) == []


def test_another_topic_is_found(settings):
    """Offsets of one topic mean nothing in another."""
    other = settings.model_copy(update={"kafka": KafkaSettings(orders_topic="orders.v2")})
    assert cannot(other) == ["source"]


def test_another_source_is_found(settings):
    """The checkpoint was made by a query that read two."""
    plan(settings.lake.root, 0, {"orders.v1": {"0": 10}}, {"returns.v1": {"0": 3}})
    assert cannot(settings) == ["source"]


def test_state_is_found(settings):
    """This version has no stateful part to read it."""
    (checkpoint(settings.lake.root, QUERY) / "state" / "0").mkdir(parents=True)
    assert cannot(settings) == ["stateful parts"]


def begin(settings: Settings, batch: int) -> None:
    """The batch is planned, and bronze has its commit, without rows."""
    root = settings.lake.root
    plan(root, batch, {"orders.v1": {"0": 20}})
    make(BRONZE_ORDERS, root)
    bronze = DeltaTable(str(BRONZE_ORDERS.path(root)))
    generation = load_generation(root)
    assert generation is not None
    done = CommitProperties(app_transactions=[Transaction(generation.app_id, batch)])
    bronze.create_write_transaction([], "append", bronze.schema(), ["date_utc"], commit_properties=done)


def test_an_unfinished_batch_is_found(settings):
    """Two versions would judge its records, each a part of them."""
    begin(settings, 1)
    assert cannot(settings) == ["unfinished batch"]


def test_the_batch_of_a_writer_that_runs_is_told_as_such(settings):
    """It is in the middle of one nearly always; whether it ends it is seen after the stop."""
    begin(settings, 1)
    words = [sys.executable, "-c", "import time; time.sleep(60)", "spark.streaming.lake_writer"]
    with subprocess.Popen(words) as writer:
        writer_lock(settings.lake.root).write_text(str(writer.pid))
        found = {f.what: f for f in findings(settings)}["unfinished batch"]
        writer.kill()
    assert (found.state, str(writer.pid) in found.text) == ("unseen", True)
    assert cannot(settings) == ["unfinished batch"]


def test_a_batch_that_is_only_planned_is_nobodys(settings):
    """A stop in good order holds back what Spark has planned: either version may begin it."""
    plan(settings.lake.root, 1, {"orders.v1": {"0": 20}})
    assert cannot(settings) == []
    begin(settings, 0)
    plan(settings.lake.root, 1, {"orders.v1": {"0": 20}})
    assert cannot(settings) == []


def test_another_key_is_found(settings):
    """Every repeat of an earlier order would look like a conflict."""
    settings.lake.email_hmac_key_file.write_text("cd" * 32)
    assert cannot(settings) == ["e-mail key"]


@pytest.fixture
def run_folder(settings: Settings, tmp_path: Path) -> Path:
    """The run folder of a stack that has this lake and never had a database."""
    folder = tmp_path / "run"
    folder.mkdir()
    stored = {"lake": settings.lake.model_dump(mode="json")}
    (folder / "settings.json").write_text(json.dumps(stored))
    return folder


def check_upgrade(folder: Path, *words: str) -> int:
    return saleslake(["--run-dir", str(folder), "check-upgrade", *words])


def test_the_command_line_says_what_it_could_not_see(settings, run_folder, capsys, monkeypatch):
    """No database is no finding against a version; exit code 1 only for what cannot be."""
    monkeypatch.setenv(RUN_DIR_VARIABLE, "")  # put back after the command has set it
    assert check_upgrade(run_folder, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    states = {finding["what"]: finding["state"] for finding in told["findings"]}
    assert told["fits"]
    assert states["migrations"] == "unseen"
    assert states["source"] == states["reporting currency"] == "ok"

    settings.lake.email_hmac_key_file.write_text("cd" * 32)
    assert check_upgrade(run_folder) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "CANNOT  e-mail key" in out
    assert out.splitlines()[-1] == "This version cannot go on from here."


def test_no_stack_is_not_taken_for_a_good_one(tmp_path, capsys, monkeypatch):
    """A wrong --run-dir compares nothing, and says so."""
    monkeypatch.setenv(RUN_DIR_VARIABLE, "")
    assert check_upgrade(tmp_path) == 1
    assert "Nothing was compared" in capsys.readouterr().err


def test_the_command_says_so_and_fails(settings, monkeypatch, capsys):
    """Exit code 1, and what stands against it."""
    monkeypatch.setattr("spark.streaming.upgrade_check.get_settings", lambda: settings)
    assert main([]) == 0
    begin(settings, 1)
    assert main(["--json"]) == 1
    assert '"fits": false' in capsys.readouterr().out
