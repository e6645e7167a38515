"""What is usual at an hour of the day, by the same hour of earlier days."""

from datetime import UTC, datetime, timedelta

import pytest

from include.publish.snapshot import LedgerHour
from include.quality.due import usual_orders

HOUR = datetime(2026, 11, 22, 10, tzinfo=UTC)


def ledger(*orders: int) -> dict[datetime, LedgerHour]:
    """So many orders yesterday at this hour, the day before, and so on; and other hours beside."""
    days = {HOUR - timedelta(days=n): LedgerHour(count, 0, 0) for n, count in enumerate(orders, 1)}
    return {**days, HOUR - timedelta(hours=1): LedgerHour(9_999, 0, 0)}


@pytest.mark.parametrize(
    ("earlier", "usual"),
    [
        ((100, 100), (None, None)),
        ((100, 120, 80), (25.0, 400.0)),
        ((100, 100, 5_000, 0, 100), (25.0, 400.0)),
        ((*[100] * 7, *[9_000] * 8), (25.0, 400.0)),
    ],
    ids=["two days say nothing", "four times", "a sale and an outage", "seven days at most"],
)  # fmt: skip
def test_usual_is_a_quarter_to_four_times_the_median(
    earlier: tuple[int, ...], usual: tuple[float | None, float | None]
) -> None:
    """Of up to seven earlier days, from three on."""
    assert usual_orders(ledger(*earlier), HOUR) == usual
