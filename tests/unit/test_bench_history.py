"""A past that a benchmark gives to a lake."""

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from bench.history import add_commits
from lake.reading import delta_table
from lake.tables import GOLD_ORDER_VALUE_MINUTE, TABLES
from spark.streaming.batch_records import arrow_schema
from spark.streaming.delta_log import HeldTables, append_arrow

TABLE = GOLD_ORDER_VALUE_MINUTE
TODAY, PAST = date(2026, 11, 24), date(2026, 11, 22)


@pytest.fixture
def root(tmp_path) -> Path:
    for table in TABLES:
        path = table.path(tmp_path)
        path.mkdir(parents=True)
        DeltaTable.create(str(path), arrow_schema(table), partition_by=[table.partition_by])
    row = {"minute_utc": datetime(2026, 11, 24, 11, tzinfo=UTC), "region": "EMEA", "channel": "web",
           "orders": 3, "revenue_cents": 700, "batch_id": 0, "date_utc": TODAY}  # fmt: skip
    append_arrow(
        pa.Table.from_pylist([row], arrow_schema(TABLE)),
        TABLE,
        HeldTables(tmp_path),
        app_id="o:1",
        batch_id=0,
    )
    return tmp_path


def test_commits_are_added_with_files_of_another_day(root):
    """What a table holds of its own days stays as it is."""
    before = delta_table(TABLE, root).version()
    add_commits(root, 120, day=PAST)
    held = delta_table(TABLE, root)
    rows = held.to_pyarrow_table()
    assert held.version() == before + 1 + 120
    assert rows["date_utc"].to_pylist().count(TODAY) == 1
    assert rows["date_utc"].to_pylist().count(PAST) == 121
    assert set(rows["minute_utc"].to_pylist()) == {
        datetime(2026, 11, 24, 11, tzinfo=UTC),
        datetime(2026, 11, 22, 12, tzinfo=UTC),
    }


def test_a_checkpoint_follows_each_hundred_commits(root):
    """As in a table that the writer writes."""
    add_commits(root, 120, day=PAST)
    assert [file.name for file in TABLE.path(root).glob("_delta_log/*.checkpoint.parquet")] == [
        f"{100:020}.checkpoint.parquet"
    ]


def test_the_writer_goes_on_where_it_was(root):
    """Its own numbers are not those of the past."""
    add_commits(root, 5, day=PAST)
    assert delta_table(TABLE, root).transaction_version("o:1") == 0


def test_a_log_is_as_old_and_as_short_as_the_writer_leaves_it(root, monkeypatch):
    """A commit a minute: of 300 the last hour's stay, and those since the last checkpoint before it."""
    monkeypatch.setattr("bench.history.SECONDS_BETWEEN", 60.0)
    properties = {"delta.logRetentionDuration": "interval 1 hours"}
    delta_table(TABLE, root).alter.set_table_properties(properties)
    add_commits(root, 300, day=PAST)
    kept = [int(file.stem) for file in TABLE.path(root).glob("_delta_log/*.json") if file.stem.isdigit()]
    assert 60 <= len(kept) <= 160 + 3
    assert max(kept) == delta_table(TABLE, root).version()
    assert delta_table(TABLE, root).to_pyarrow_table().num_rows == 302
