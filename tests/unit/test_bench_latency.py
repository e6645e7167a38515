"""The latency that a benchmark reads off `live.freshness`."""

from datetime import UTC, datetime, timedelta

import pytest

from bench.latency import Look, percentiles

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def look(as_of: float, seen_at: float) -> Look:
    return Look(NOON + timedelta(seconds=as_of), NOON + timedelta(seconds=seen_at))


def test_orders_wait_from_their_arrival_to_the_batch_that_has_them() -> None:
    """Arrived between 0 and 2, seen at 3: they are 1 to 3 s old. Those between 2 and 4 at 6: 2 to 4 s."""
    found = percentiles([look(0, 1), look(2, 3), look(4, 6)])
    assert found["batches"] == 2
    assert found["p50"] == pytest.approx(2.5, abs=0.02)
    assert found["max"] == pytest.approx(4)
    assert found["p99"] == pytest.approx(3.96, abs=0.02)


def test_one_look_says_nothing() -> None:
    assert percentiles([look(0, 1)]) == {"batches": 0}
