"""What a person who approves a swap is shown."""

import json
from datetime import UTC, datetime

from include.rebuild.comparison import Comparison, Difference, OfTable, Sample

HOUR = datetime(2026, 11, 22, 11, tzinfo=UTC)
SAME = OfTable(rows=(2, 2), cents=(10, 10), content=("2:a", "2:a"))
LESS = OfTable(rows=(1, 2), cents=(2_150, 4_300), content=("1:b", "2:c"), only=(0, 1))
ORDERS = "silver.orders"
DIFFERENT = Comparison(
    hours=1,
    orders=2,
    revenue_cents=4_300,
    differences=[Difference(HOUR, {ORDERS: LESS, "gold.order_value_minute": SAME})],
    samples=[Sample(ORDERS, "rebuild", {"order_id": "O-1", "total_cents": 2_150})],
    against_ledger=[],
)


def test_a_comparison_survives_the_database() -> None:
    """It is written by the Spark job and read by another process."""
    assert Comparison.parse(json.loads(json.dumps(DIFFERENT.as_json()))) == DIFFERENT


def test_a_difference_is_shown_with_rows_cents_and_samples() -> None:
    """Only the tables of an hour that differ."""
    said = DIFFERENT.as_markdown()
    assert "| 2026-11-22 11:00 | silver.orders | 1 → 2 (+1) | 2,150 → 4,300 (+2,150) | 0 | 1 |" in said
    assert "- silver.orders, rebuild: `order_id O-1, total_cents 2150`" in said
    assert "gold.order_value_minute" not in said


def test_only_what_agrees_with_the_ledger_can_be_approved() -> None:
    """A contradiction outweighs a difference."""
    equal = DIFFERENT._replace(differences=[], samples=[])
    contradicts = DIFFERENT._replace(
        against_ledger=["silver.orders of 2026-11-22T11: (1, 2) instead of (2, 3)"]
    )
    assert [one.state for one in (equal, DIFFERENT, contradicts)] == ["equal", "different", "contradicts"]
    assert "equal to the stream" in equal.as_markdown()
    assert "instead of (2, 3)" in contradicts.as_markdown()
