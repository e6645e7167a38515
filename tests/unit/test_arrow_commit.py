"""Gold's files: written once per batch, with a checksum in every page."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lake.reading import delta_table, record_batches
from lake.tables import GOLD_ORDER_VALUE_MINUTE
from spark.streaming.arrow_commit import _statistics
from spark.streaming.delta_log import HeldTables, append_arrow, read_back

TABLE = GOLD_ORDER_VALUE_MINUTE
APP = f"orders:{uuid.UUID(int=7)}"
BEFORE_MIDNIGHT = datetime(2026, 11, 22, 23, 58, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        pa.field("minute_utc", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("region", pa.string(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("orders", pa.int64(), nullable=False),
        pa.field("revenue_cents", pa.int64(), nullable=False),
        pa.field("batch_id", pa.int64(), nullable=False),
        pa.field("date_utc", pa.date32(), nullable=False),
    ]
)


def minutes(batch_id: int, *cents: int) -> pa.Table:
    """A row per amount, a minute apart, from two minutes before midnight."""
    rows = []
    for number, amount in enumerate(cents):
        minute = BEFORE_MIDNIGHT + timedelta(minutes=number)
        rows.append(
            {"minute_utc": minute, "region": "EMEA", "channel": "web", "orders": 1, "revenue_cents": amount,
             "batch_id": batch_id, "date_utc": minute.date()}
        )  # fmt: skip
    return pa.Table.from_pylist(rows, SCHEMA)


@pytest.fixture
def root(tmp_path) -> Path:
    path = TABLE.path(tmp_path)
    path.parent.mkdir()
    DeltaTable.create(str(path), SCHEMA, partition_by=[TABLE.partition_by])
    return tmp_path


def cents(root: Path) -> list[int]:
    read = record_batches(delta_table(TABLE, root).to_pyarrow_dataset(), ["revenue_cents"])
    return sorted(amount for batch in read for amount in batch["revenue_cents"].to_pylist())


def test_a_batch_written_twice_is_there_once(root):
    """Rows of two days, in one commit that names the batch."""
    for _ in range(2):
        append_arrow(minutes(0, 10, 20, 30), TABLE, HeldTables(root), app_id=APP, batch_id=0)

    assert cents(root) == [10, 20, 30]
    assert delta_table(TABLE, root).version() == 1
    assert delta_table(TABLE, root).transaction_version(APP) == 0


def test_the_log_tells_what_a_file_holds(root):
    """So that readers can pass over a file without opening it."""
    append_arrow(minutes(4, 10, 20, 30), TABLE, HeldTables(root), app_id=APP, batch_id=4)

    log = TABLE.path(root) / "_delta_log" / f"{1:020}.json"
    adds = [action["add"] for action in map(json.loads, log.read_text().splitlines()) if "add" in action]
    today = next(json.loads(add["stats"]) for add in adds if "2026-11-22" in add["path"])
    assert today == {
        "numRecords": 2,
        "minValues": {"batch_id": 4, "minute_utc": "2026-11-22T23:58:00.000Z"},
        "maxValues": {"batch_id": 4, "minute_utc": "2026-11-22T23:59:00.000Z"},
        "nullCount": {"batch_id": 0, "minute_utc": 0},
    }


def test_the_log_is_never_narrower_than_the_file():
    """It has whole milliseconds and short texts; a reader passes over what it believes is not there."""
    noon = datetime(2026, 11, 22, 12, microsecond=999_999, tzinfo=UTC)
    rows = pa.table({"ordered_at": [noon, noon], "order_id": ["x" * 65, "y"], "partition": [None, None]})
    rows = rows.set_column(2, "partition", rows["partition"].cast(pa.int32()))
    found = _statistics(rows, rows.column_names)
    assert found["minValues"] == {"ordered_at": "2026-11-22T12:00:00.999Z"}
    assert found["maxValues"] == {"ordered_at": "2026-11-22T12:00:01.000Z"}
    assert found["nullCount"] == {"ordered_at": 0, "order_id": 0, "partition": 2}


def test_a_flipped_bit_is_never_a_wrong_number(root):
    """
    Every byte of the pages, one bit at a time: an error, the numbers as written, or rows that are missing.

    The last are flips in a page's own header, which no checksum covers: whoever counts rows finds them.
    """
    append_arrow(minutes(0, 10, 20), TABLE, HeldTables(root), app_id=APP, batch_id=0)
    (file,) = TABLE.path(root).rglob("*.parquet")
    whole = file.read_bytes()
    caught = 0
    for position in range(4, _start_of_footer(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 4
        file.write_bytes(damaged)
        try:
            found = cents(root)
        except (OSError, pa.ArrowException):
            caught += 1
        else:
            assert found == [10, 20] or len(found) < 2, f"byte {position}: {found}"
    assert caught > 10


def _start_of_footer(file: bytes) -> int:
    return len(file) - 8 - int.from_bytes(file[-8:-4], "little")


def test_the_books_read_what_the_batch_wrote(root):
    """And nothing of other batches."""
    append_arrow(minutes(0, 10), TABLE, HeldTables(root), app_id=APP, batch_id=0)
    append_arrow(minutes(1, 20, 30), TABLE, HeldTables(root), app_id=APP, batch_id=1)

    held = read_back(TABLE, root, ["revenue_cents"], app_id=APP, batch_id=1)
    assert held["revenue_cents"].to_pylist() == [20, 30]
