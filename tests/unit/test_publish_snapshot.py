"""Which hours are published, and how complete they are."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.publish.snapshot import (
    CLOSED,
    LedgerHour,
    Publication,
    Snapshot,
    changed_hours,
    closed_hours,
    completeness,
)

HOUR = datetime(2026, 11, 22, 10, tzinfo=UTC)
GRACE = 10


def snapshot(*, as_of: datetime, last_batch_id: int = 5, published: Publication | None = None) -> Snapshot:
    ledger = {HOUR: LedgerHour(orders=1, revenue_cents=100, last_batch_id=last_batch_id)}
    return Snapshot(9, as_of, ledger, {HOUR: published} if published else {})


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (-5, "0.000"),
        (0, "0.000"),
        (30, "0.500"),
        (59, "0.983"),
        (60, "0.999"),
        (69, "0.999"),
        (70, "1.000"),
        (600, "1.000"),
    ],
)
def test_completeness_reaches_one_only_after_the_grace(minutes: int, expected: str) -> None:
    """Share of the hour the stream has read past, rounded down, at most 0.999 until end plus grace."""
    assert completeness(HOUR, HOUR + timedelta(minutes=minutes), GRACE) == Decimal(expected)


def test_an_hour_never_published_has_changed() -> None:
    """Whether it is still open or not."""
    assert changed_hours(snapshot(as_of=HOUR), GRACE) == [HOUR]


def test_an_hour_with_a_newer_batch_has_changed() -> None:
    """Its last batch is later than the one its publication counts up to."""
    older = Publication(version=1, batch_id=4, completeness=CLOSED, as_of=HOUR)
    assert changed_hours(snapshot(as_of=HOUR, published=older), GRACE) == [HOUR]


def test_an_hour_published_up_to_its_last_batch_has_not_changed() -> None:
    """Batches that brought it nothing do not count."""
    same = Publication(version=1, batch_id=5, completeness=CLOSED, as_of=HOUR)
    assert changed_hours(snapshot(as_of=HOUR + timedelta(hours=9), published=same), GRACE) == []


def test_a_provisional_hour_has_changed_once_it_is_closed() -> None:
    """Without a single new order."""
    provisional = Publication(version=1, batch_id=5, completeness=Decimal("0.999"), as_of=HOUR)
    still_open = snapshot(as_of=HOUR + timedelta(minutes=69), published=provisional)
    closed = snapshot(as_of=HOUR + timedelta(minutes=70), published=provisional)
    assert (changed_hours(still_open, GRACE), changed_hours(closed, GRACE)) == ([], [HOUR])


def test_closed_hours_leaves_out_the_open_ones() -> None:
    """Judged by what the stream has read, not by the clock on the wall."""
    later = HOUR + timedelta(hours=1)
    assert closed_hours([HOUR, later], HOUR + timedelta(minutes=75), GRACE) == [HOUR]
