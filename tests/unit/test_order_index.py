"""An order is counted once, whenever its repeats arrive and however often a batch is replayed."""

import pytest

from lake.contract import CONFLICT, DUPLICATE
from spark.streaming.order_index import AcceptedOrder, OrderIndex

GENERATION = b"g" * 16


def accepted(
    order_id: str = "O-1", content: bytes = b"a", partition: int = 0, offset: int = 0
) -> AcceptedOrder:
    return AcceptedOrder(order_id, content.ljust(32), partition, offset)


@pytest.fixture
def index(tmp_path):
    index = OrderIndex(tmp_path / "index")
    yield index
    index.close()


def take(index: OrderIndex, *orders: AcceptedOrder, batch_id: int = 0):
    decision = index.decide(orders)
    index.add(decision.accepted, generation=GENERATION, batch_id=batch_id)
    return decision


def test_a_repeat_in_the_same_batch_is_a_duplicate(index):
    """Of two equal orders the first by position counts."""
    decision = take(index, accepted(offset=0), accepted(offset=1))
    assert decision.exceptions == [(0, 1, DUPLICATE)]


def test_a_repeat_in_a_later_batch_is_a_duplicate(index):
    """Whatever lies between."""
    take(index, accepted(offset=0))
    assert take(index, accepted(offset=10), batch_id=1).exceptions == [(0, 10, DUPLICATE)]


def test_other_content_is_a_conflict(index):
    """The first content stays."""
    take(index, accepted(content=b"a"))
    decision = take(index, accepted(content=b"b", offset=1), accepted(content=b"a", offset=2), batch_id=1)
    assert decision.exceptions == [(0, 1, CONFLICT), (0, 2, DUPLICATE)]


def test_a_replayed_batch_decides_as_before(index):
    """The look-up must not take a batch's own rows for earlier ones."""
    orders = [accepted(offset=0), accepted(offset=1), accepted("O-2", offset=2)]
    first = take(index, *orders)
    again = take(index, *orders)
    assert (again.accepted, again.exceptions) == (first.accepted, first.exceptions)


def test_the_same_offset_of_another_partition_is_another_record(index):
    """Positions are compared whole."""
    take(index, accepted(partition=0, offset=5))
    assert take(index, accepted(partition=1, offset=5)).exceptions == [(1, 5, DUPLICATE)]


def test_the_index_survives_a_reopen(index, tmp_path):
    """With the generation and batch it holds."""
    take(index, accepted(), batch_id=7)
    index.close()
    index._db = OrderIndex(tmp_path / "index")._db
    assert index.applied() == (GENERATION, 7)
    assert index.decide([accepted(offset=9)]).exceptions == [(0, 9, DUPLICATE)]


def test_a_rebuild_forgets_what_silver_does_not_hold(index):
    """An index ahead of its table would call a new order a duplicate."""
    take(index, accepted("lost"))
    index.clear()
    assert index.extend([[accepted("kept")]], generation=GENERATION, since=-1, batch_id=3) == 1
    assert index.applied() == (GENERATION, 3)
    assert index.decide([accepted("lost", offset=8), accepted("kept", offset=9)]).exceptions == [
        (0, 9, DUPLICATE)
    ]


def test_a_damaged_index_is_made_anew(tmp_path):
    """It is derived: nothing is lost, and the start goes on."""
    path = tmp_path / "index"
    OrderIndex(path).close()
    (path / "CURRENT").write_text("nonsense")
    index = OrderIndex(path)
    assert index.applied() is None
    index.close()


def test_a_long_reading_tells_how_far_it_is_and_can_be_ended(index):
    """What was read before is there; the index does not say that it is complete."""
    told = []

    def stop_at_two(count):
        told.append(count)
        if count == 2:
            raise InterruptedError

    pieces = [[accepted(f"O-{n}")] for n in range(5)]
    with pytest.raises(InterruptedError):
        index.extend(pieces, generation=GENERATION, since=-1, batch_id=9, moved=stop_at_two)
    assert told == [0, 1, 2]
    assert index.applied() == (GENERATION, -1)
    assert index.extend(pieces, generation=GENERATION, since=-1, batch_id=9) == 5
    assert index.applied() == (GENERATION, 9)
