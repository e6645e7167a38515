"""I2, I7, I10, I11 and I12 from small data: right data holds, each kind of damage is a violation."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.reconcile.lake import read_lake
from include.settings import Settings
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, SILVER_REJECTED, checkpoint
from stack.invariants.payload import Topic, digest, payload_faithful, read_bronze
from stack.invariants.pollers import Monotonic, delta_versions
from stack.invariants.repeats import judge_rebuild
from stack.invariants.stream import _late, _not_running, nothing_silent
from tests.reconciling import noted_lake
from tests.small_lake import SmallLake

VALUES = {(0, 0): b'{"customer_email":"jane.1@example.com"}', (0, 1): None, (1, 0): b""}
EMAIL = b"jane.1@example.com"
# A running stream may lag by as much as it takes next.
ONE_BATCH = Settings().stream.max_offsets_per_trigger


# I2


@pytest.fixture
def bronze(tmp_path: Path):
    """Bronze with these values, read back as digests."""

    def write(values):
        rows = [{"partition": p, "offset": o, "value": value} for (p, o), value in values.items()]
        schema = pa.schema([("partition", pa.int32()), ("offset", pa.int64()), ("value", pa.binary())])
        path = BRONZE_ORDERS.path(tmp_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_deltalake(path, pa.Table.from_pylist(rows, schema), mode="overwrite")
        return read_bronze(tmp_path)

    return write


def topic() -> Topic:
    read = Topic()
    for position, value in VALUES.items():
        read.take(position, value)
    return read


def test_bronze_with_every_value_is_faithful(bronze):
    assert payload_faithful(topic().digests, bronze(VALUES), {0: 2, 1: 1}).holds
    assert topic().emails == {EMAIL}


@pytest.mark.parametrize(
    "damage",
    [
        {(0, 0): b'{"customer_email":"jane.2@example.com"}'},
        {(0, 1): b""},  # no value is not an empty one
        {(1, 0): None},
        {(1, 1): b"nobody sent this"},
    ],
)
def test_another_value_in_bronze_is_a_violation(bronze, damage):
    assert payload_faithful(topic().digests, bronze(VALUES | damage), {0: 2, 1: 1}).violations == 1


def test_a_value_that_bronze_lacks_is_one_once_it_is_due(bronze):
    held = bronze({position: value for position, value in VALUES.items() if position != (0, 1)})
    assert payload_faithful(topic().digests, held, {0: 1, 1: 1}).holds
    assert payload_faithful(topic().digests, held, {0: 2, 1: 1}).violations == 1


def test_an_empty_topic_shows_nothing():
    assert not payload_faithful({}, {}, {}).holds


# I7


EQUAL = "ops.ledger: equal\nsilver.orders: equal, 1,200 rows\ngold.product_sales_minute: equal, 30 rows\n"


def test_an_equal_rebuild_holds():
    finding = judge_rebuild(EQUAL, 0)
    assert (finding.holds, finding.looked_at) == (True, "3 tables that are equal, 1,230 rows")


def test_another_rebuild_is_a_violation():
    said = EQUAL + "silver.rejected: 9 rows, 1 that bronze does not give, 0 are missing\n"
    finding = judge_rebuild(said, 1)
    assert finding.examples == ("silver.rejected: 9 rows, 1 that bronze does not give, 0 are missing",)


def test_a_rebuild_that_died_is_a_violation():
    """Also when it had said nothing yet."""
    assert not judge_rebuild("", 1).holds
    assert not judge_rebuild("", 0).holds
    assert "OutOfMemoryError" in str(judge_rebuild(f"{EQUAL}OutOfMemoryError", 137).examples)


# I10


def test_what_grows_is_monotonic():
    seen = Monotonic()
    assert list(seen.see({"a": 1})) == []
    assert list(seen.see({"a": 1, "b": 5})) == []
    assert list(seen.see({"a": 7, "b": 5})) == []


def test_what_shrinks_or_vanishes_is_not():
    seen = Monotonic()
    list(seen.see({"a": 3, "b": 5}))
    assert list(seen.see({"a": 2})) == ["a: 2 after 3", "b: gone, it was 5"]


def test_a_table_that_is_restored_goes_back(tmp_path):
    """The versions come from the tables themselves."""
    lake = noted_lake(tmp_path)
    lake.write(tmp_path / "lake")
    lake.write(tmp_path / "lake")
    newest = delta_versions(tmp_path / "lake")
    assert newest["silver.orders"] == 1

    (SILVER_ORDERS.path(tmp_path / "lake") / "_delta_log" / f"{1:020}.json").unlink()
    seen = Monotonic()
    list(seen.see(newest))
    assert list(seen.see(delta_versions(tmp_path / "lake"))) == ["silver.orders: 0 after 1"]


# I11


def test_a_running_stream_without_a_backlog_is_alive():
    assert list(_not_running(("running", ONE_BATCH, 3.0), Settings())) == []
    assert list(_late(299)) == list(_late(None)) == []


@pytest.mark.parametrize("row", [("starting", 0, 1.0), ("running", ONE_BATCH + 1, 1.0), ("running", -1, 1.0),
                                 ("running", 0, 31.0)])  # fmt: skip
def test_a_stream_that_lags_or_is_silent_is_not(row):
    assert len(list(_not_running(row, Settings()))) == 1


def test_a_stream_that_catches_up_late_is_not_alive():
    assert len(list(_late(301))) == 1


# I12


def plan(root: Path, number: int, watermark: int = 0) -> None:
    folder = checkpoint(root, "orders") / "offsets"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(number)).write_text(f'v1\n{{"batchWatermarkMs":{watermark},"batchTimestampMs":1}}\n{{}}')


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    plan(tmp_path / "lake", 0)
    plan(tmp_path / "lake", 1)
    return noted_lake(tmp_path)


def silence(root: Path, lake: SmallLake):
    lake.write(root / "lake")
    return nothing_silent(read_lake(root / "lake", lake.last_batch).rejected, root / "lake")


def test_reasons_of_the_contract_and_no_watermark(tmp_path, lake):
    assert silence(tmp_path, lake).holds


@pytest.mark.parametrize("reasons", [["mystery"], ["not_json", "mystery"], []])
def test_a_reason_that_is_not_the_contracts_is_a_violation(tmp_path, lake, reasons):
    row = next(row for row in lake.rows[SILVER_REJECTED] if row["disposition"] == "quarantined")
    row["reasons"] = reasons
    assert silence(tmp_path, lake).violations == 1


def test_a_watermark_is_a_violation(tmp_path, lake):
    plan(tmp_path / "lake", 1, watermark=1_700_000_000_000)
    assert silence(tmp_path, lake).violations == 1


def test_state_is_a_violation(tmp_path, lake):
    (checkpoint(tmp_path / "lake", "orders") / "state").mkdir()
    assert silence(tmp_path, lake).violations == 1


def test_the_digest_of_nothing_is_its_own():
    assert digest(None) != digest(b"")
