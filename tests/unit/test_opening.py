"""Lake, ledger, topic and key that do not belong together are refused before anything is written."""

import json

import pytest

from include.errors import CheckpointMismatch
from lake.tables import checkpoint
from spark.streaming.generation import QUERY, begin_generation
from spark.streaming.opening import open_generation


class Broker:
    """A topic as the broker describes it."""

    name = "orders.v1"

    def __init__(self, identity: str = "t") -> None:
        self._identity = identity

    def identity(self) -> str:
        return self._identity

    def beginning_offsets(self) -> dict[int, int]:
        return {0: 0}


class Ledger:
    """A database whose ledger ends at these offsets."""

    def __init__(self, **closed: int) -> None:
        self.closed = {int(partition.removeprefix("p")): end for partition, end in closed.items()}

    def run(self, _work):
        return self.closed


@pytest.fixture
def lake(tmp_path):
    """A lake that has done offsets up to 10 and planned up to 15."""
    begin_generation(
        tmp_path, topic="orders.v1", topic_id="t", first_batch_id=0, starting_offsets={0: 0}, email_key="k"
    )
    folder = checkpoint(tmp_path, QUERY)
    for kind in ("offsets", "commits"):
        (folder / kind).mkdir()
    for number, end in enumerate((10, 15)):
        plan = f'v1\n{{"batchTimestampMs": 1000}}\n{json.dumps({"orders.v1": {"0": end}})}'
        (folder / "offsets" / str(number)).write_text(plan)
    (folder / "commits" / "0").write_text("v1\n{}")
    return tmp_path


def open_lake(root, *, identity: str = "t", closed: int = 10, key: str = "k"):
    return open_generation(root, Broker(identity), Ledger(p0=closed), email_key=key)


@pytest.mark.parametrize("closed", [10, 15])
def test_a_ledger_between_done_and_planned_is_ours(lake, closed):
    """The last batch may be closed without the checkpoint knowing it yet."""
    assert open_lake(lake, closed=closed).topic_id == "t"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"closed": 9}, "Restore both from one time"),
        ({"closed": 16}, "`saleslake adopt` makes a new"),
        ({"identity": "other"}, "deleted and made"),
        ({"key": "other"}, "holds another key"),
    ],
)
def test_what_belongs_to_another_lake_is_refused(lake, change, named):
    """A ledger behind or beyond the checkpoint, another topic, another key."""
    with pytest.raises(CheckpointMismatch, match=named):
        open_lake(lake, **change)


def test_an_empty_lake_with_a_full_ledger_is_refused(tmp_path):
    """Orders would be counted twice in `live`."""
    with pytest.raises(CheckpointMismatch, match="of another"):
        open_lake(tmp_path)


def test_an_empty_lake_begins_at_the_topics_beginning(tmp_path):
    """And remembers topic and key."""
    begun = open_generation(tmp_path, Broker(), Ledger(), email_key="k")
    assert (begun.starting_offsets, begun.topic_id, begun.email_key) == ({0: 0}, "t", "k")
