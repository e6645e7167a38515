"""Which files a table no longer needs, since when, and how long its log is: read without Spark."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from include.errors import TableRequestRefused
from include.table_files import RETENTION, expired, log_of, retention, unneeded
from lake.reading import delta_table
from lake.tables import SILVER_ORDERS
from tests.aged_lake import age_table

TODAY, WEEK = date(2026, 11, 22), timedelta(days=7)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three batches of one day, compacted just now."""
    for number in range(3):
        append(tmp_path, number)
    DeltaTable(str(SILVER_ORDERS.path(tmp_path))).optimize.compact()
    return tmp_path


def append(root: Path, number: int, **options: str) -> None:
    rows = pa.table({"n": [number], "date_utc": [TODAY]})
    path = SILVER_ORDERS.path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_deltalake(path, rows, mode="append", partition_by=["date_utc"], configuration=options or None)


def deletable(root: Path) -> int:
    return len(expired(unneeded(SILVER_ORDERS, root), WEEK, now=datetime.now(UTC)))


def test_what_was_compacted_is_not_needed(root: Path) -> None:
    """The files of before are in the log as removed; the one of now is needed."""
    found = unneeded(SILVER_ORDERS, root)
    assert [file.is_in_log for file in found] == [True] * 3
    assert sum(file.bytes for file in found) > 0
    assert not {file.path for file in found}.intersection(
        pa.table(delta_table(SILVER_ORDERS, root).get_add_actions(flatten=True))["path"].to_pylist()
    )


@pytest.mark.parametrize(("days", "count"), [(6.9, 0), (7.1, 3)])
def test_a_week_counts_from_the_removal(root: Path, days: float, count: int) -> None:
    age_table(SILVER_ORDERS, root, timedelta(days=days))
    assert deletable(root) == count


def test_an_old_file_that_was_compacted_now_stays(tmp_path: Path) -> None:
    """Whoever opened the version before still reads it."""
    for number in range(3):
        append(tmp_path, number)
    age_table(SILVER_ORDERS, tmp_path, timedelta(days=30))
    DeltaTable(str(SILVER_ORDERS.path(tmp_path))).optimize.compact()
    assert (len(unneeded(SILVER_ORDERS, tmp_path)), deletable(tmp_path)) == (3, 0)


def test_removals_are_found_behind_a_checkpoint(root: Path) -> None:
    delta_table(SILVER_ORDERS, root).create_checkpoint()
    (SILVER_ORDERS.path(root) / "_delta_log" / f"{3:020}.json").unlink()
    assert [file.is_in_log for file in unneeded(SILVER_ORDERS, root)] == [True] * 3
    assert deletable(root) == 0


def test_a_file_that_was_never_committed_counts_from_when_it_was_written(root: Path) -> None:
    draft = SILVER_ORDERS.path(root) / f"date_utc={TODAY}" / "draft.parquet"
    draft.write_bytes(b"x" * 10)
    (draft.parent / ".draft.parquet.crc").write_bytes(b"x")
    mine = [file for file in unneeded(SILVER_ORDERS, root) if not file.is_in_log]
    assert [(file.path, file.bytes) for file in mine] == [(f"date_utc={TODAY}/draft.parquet", 10)]
    assert deletable(root) == 0
    age_table(SILVER_ORDERS, root, timedelta(days=8))
    assert deletable(root) == 4


def test_a_file_that_came_back_is_needed(root: Path) -> None:
    """A restored version has its files again, although their removal is in the log."""
    delta_table(SILVER_ORDERS, root).restore(2)
    age_table(SILVER_ORDERS, root, timedelta(days=8))
    assert [file.is_in_log for file in unneeded(SILVER_ORDERS, root)] == [True]


def test_the_log_is_as_long_as_since_its_checkpoint(root: Path) -> None:
    before = log_of(SILVER_ORDERS, root)
    delta_table(SILVER_ORDERS, root).create_checkpoint()
    append(root, 3)
    after = log_of(SILVER_ORDERS, root)
    assert (before.version, before.commits_since_checkpoint) == (3, 4)
    assert (after.version, after.commits_since_checkpoint) == (4, 1)
    assert after.bytes > before.bytes > 0


@pytest.mark.parametrize(
    ("said", "days"),
    [(None, 7), ("interval 7 days", 7), ("interval 4 weeks", 28), ("interval 240 hours", 10)],
)
def test_the_retention_is_the_tables_own(tmp_path: Path, said: str | None, days: int) -> None:
    append(tmp_path, 0, **({RETENTION: said} if said else {}))
    assert retention(delta_table(SILVER_ORDERS, tmp_path)) == timedelta(days=days)


@pytest.mark.parametrize("said", ["interval 167 hours", "interval 6 days", "interval 1 month"])
def test_a_retention_below_a_week_is_refused(tmp_path: Path, said: str) -> None:
    """Or one that is not understood."""
    append(tmp_path, 0, **{RETENTION: said})
    with pytest.raises(TableRequestRefused, match="No file was deleted"):
        retention(delta_table(SILVER_ORDERS, tmp_path))
