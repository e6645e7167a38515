"""A checkpoint and a lake that do not belong together are refused."""

import json

import pytest

from include.errors import CheckpointMismatch
from lake.tables import SILVER_ORDERS, checkpoint
from spark.streaming.generation import (
    QUERY,
    begin_generation,
    generation_file,
    load_generation,
)
from spark.streaming.plan import read_plan


@pytest.fixture
def generation(tmp_path):
    return begin_generation(
        tmp_path,
        topic="orders.v1",
        topic_id="t",
        first_batch_id=40,
        starting_offsets={0: 5, 1: 0},
        email_key="k",
    )


def plan_batch(root, number: int, **offsets: int) -> None:
    folder = checkpoint(root, QUERY) / "offsets"
    folder.mkdir(exist_ok=True)
    end = {partition.removeprefix("p"): offset for partition, offset in offsets.items()}
    (folder / str(number)).write_text(f'v1\n{{"batchTimestampMs": 1000}}\n{json.dumps({"orders.v1": end})}')


def test_a_generation_is_read_as_it_was_begun(tmp_path, generation):
    """Offsets by partition number."""
    assert load_generation(tmp_path) == generation


def test_an_empty_lake_has_no_generation(tmp_path):
    """The first start begins one."""
    assert load_generation(tmp_path) is None


def test_data_without_a_checkpoint_is_refused(tmp_path):
    """Starting anew would count every order twice; the message names the table."""
    silver = SILVER_ORDERS.path(tmp_path)
    silver.mkdir(parents=True)
    (silver / "part-0.parquet").touch()
    with pytest.raises(CheckpointMismatch, match=r"silver\.orders hold data"):
        load_generation(tmp_path)


@pytest.mark.parametrize("damage", ["", "{}", "not json"])
def test_a_damaged_file_is_refused(tmp_path, generation, damage):
    """Zero-length or wrong: never taken for a new lake."""
    generation_file(tmp_path).write_text(damage)
    with pytest.raises(CheckpointMismatch, match="Reading"):
        load_generation(tmp_path)


def test_numbers_of_batches_go_on_from_one_generation_to_the_next(generation):
    """Spark counts from 0 in each checkpoint."""
    assert [generation.batch_id(n) for n in (0, 1)] == [40, 41]


def test_the_first_batch_starts_where_the_generation_did(tmp_path, generation):
    """Spark itself writes down only where a batch ends."""
    plan_batch(tmp_path, 0, p0=7, p1=3)
    plan = read_plan(tmp_path, generation, 0)
    assert (plan.batch_id, plan.start, plan.end) == (40, {0: 5, 1: 0}, {0: 7, 1: 3})


def test_a_new_partition_starts_at_its_beginning(tmp_path, generation):
    """Partitions may be added while the stream runs."""
    plan_batch(tmp_path, 0, p0=7, p1=3)
    plan_batch(tmp_path, 1, p0=9, p1=3, p2=4)
    assert read_plan(tmp_path, generation, 1).start == {0: 7, 1: 3, 2: 0}


def test_a_missing_plan_is_refused(tmp_path, generation):
    """The batch cannot be accounted for."""
    with pytest.raises(CheckpointMismatch, match="plan of batch 3"):
        read_plan(tmp_path, generation, 3)
