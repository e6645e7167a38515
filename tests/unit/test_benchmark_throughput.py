"""Which part of a run counts."""

import pytest

from bench.contender import Sample
from bench.throughput import second_half


def samples(*orders: int) -> list[Sample]:
    return [Sample(seconds=place, processor=place, database=0.0, orders=n) for place, n in enumerate(orders)]


@pytest.mark.parametrize(
    ("orders", "half", "last"),
    [
        ([0, 0, 20, 20, 40, 60, 60, 80, 100, 100], 4, 8),  # ends of batches, when they were first seen
        ([0, 0, 60, 60, 100], 2, 4),
        ([0] * 20 + [30, 50, 80, 90, 100], 0, 24),  # a burst
        ([0, 0, 99, 99, 100], 0, 4),  # one batch, and what was left over of it
        ([0, 100], 0, 1),
        ([0, 30, 72, 120], 1, 3),
    ],
)
def test_the_second_half_begins_where_a_batch_ends(orders: list[int], half: int, last: int) -> None:
    """Without start and compilation, as far as batches allow."""
    begun, ended = second_half(samples(*orders), 100)

    assert (begun.seconds, ended.seconds) == (half, last)
