"""A lost or damaged checkpoint: the start says what it found, `adopt` heals it, every cent is there."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from include.errors import CheckpointMismatch, NothingToHeal
from include.settings import Settings
from lake.tables import SILVER_ORDERS, checkpoint
from spark.streaming.adoption import adopt
from tests.draining import Crash, catch_up, goes_on, refused, send_orders

pytestmark = [pytest.mark.spark, pytest.mark.stack]


def folder_of(settings: Settings) -> Path:
    return checkpoint(settings.lake.root, "orders")


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def truncate(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_text("")

    return damage


def remove(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()

    return damage


def other_offsets(folder: Path) -> None:
    plan = folder / "offsets" / "1"
    version, metadata, offsets = plan.read_text().splitlines()
    changed = {topic: {p: o + 1 for p, o in ends.items()} for topic, ends in json.loads(offsets).items()}
    plan.write_text("\n".join([version, metadata, json.dumps(changed)]))


def older(folder: Path) -> None:
    """As from a backup of the day before."""
    for kind in ("offsets", "commits"):
        (folder / kind / "2").unlink()


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (remove_folder, "hold data, but"),
        (remove("saleslake.json"), "hold data, but"),
        (truncate("saleslake.json"), "saleslake.json"),
        (truncate("metadata"), "metadata"),
        (truncate("offsets/2"), "offsets/2"),
        (truncate("commits/2"), "commits/2"),
        (remove("offsets/1"), "Reading the plan of batch 1"),
        (other_offsets, "the ledger closed that batch at"),
        (older, "older than the ledger"),
    ],
    ids=["no folder", "no generation", "empty generation", "empty metadata", "empty plan", "empty commit",
         "plan missing", "plan changed", "older checkpoint"],
)  # fmt: skip
def test_a_damaged_checkpoint_is_adopted(lake, spark, damage, named):
    """Refused by name with the command; after it the stream goes on where the ledger ends."""
    damage(folder_of(lake))
    refused(lake, spark, CheckpointMismatch, named, "`saleslake adopt`")

    begun = adopt(lake, by="test")

    assert begun.first_batch_id == 3
    goes_on(lake, spark)


def test_an_unfinished_batch_is_finished_before_adopting(lake, spark):
    """Bronze and silver have the batch, the ledger has not, and the checkpoint is gone."""
    send_orders(lake, 60, seed=5)

    def die(step: str) -> None:
        if step == f"after_{SILVER_ORDERS.full_name}":
            raise Crash(step)

    with pytest.raises(Crash):
        catch_up(lake, spark, die)
    remove_folder(folder_of(lake))

    begun = adopt(lake, by="test")

    assert begun.first_batch_id == 4
    goes_on(lake, spark)


def test_a_sound_checkpoint_is_left_alone(lake):
    """Adopting would gain nothing; the generation stays."""
    before = (folder_of(lake) / "saleslake.json").read_text()
    with pytest.raises(NothingToHeal, match="is whole"):
        adopt(lake, by="test")
    assert (folder_of(lake) / "saleslake.json").read_text() == before
