"""The answers as text: right sums, right scale, nothing from outside that a terminal would obey."""

from datetime import UTC, datetime

from include.insights import Insights, OrderValue, Product, Trend, as_text, money, printable, sparkline

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def insights(**changes: object) -> Insights:
    answers = {
        "as_of": NOW,
        "lag_seconds": 2.0,
        "top_products": [Product(1, "P-1", "Kettle", "Kitchen", 7, 123_456)],
        "trends": [Trend("EMEA", [0, 1, 8], 9, 90_000), Trend("APAC", [4, 0, 0], 4, 40_000)],
        "order_values": [
            OrderValue("last_hour", "EMEA", 9, 10_000, 90_000),
            OrderValue("last_hour", "APAC", 1, 20_000, 20_000),
        ],
        **changes,
    }
    return Insights(**answers)  # type: ignore[arg-type]


def test_the_average_over_regions_is_revenue_by_orders() -> None:
    """110,000 cents of 10 orders are 110.00 each: not the mean of 100.00 and 200.00."""
    line = next(n for n in as_text(insights(), currency="USD").splitlines() if "last hour  " in n)

    assert line.split()[-1] == "110.00"


def test_regions_share_one_scale() -> None:
    """Eight orders are the full bar, four of another region half of it, none a blank."""
    assert sparkline([0, 1, 8], 8) == " ▁█"
    assert sparkline([4, 0, 0], 8) == "▄  "


def test_stale_answers_say_so() -> None:
    """Two minutes without progress, or none ever."""
    assert "STANDS STILL" in as_text(insights(lag_seconds=120.0), currency="USD")
    assert "No order has arrived" in as_text(insights(as_of=None, lag_seconds=None), currency="USD")
    assert "STANDS STILL" not in as_text(insights(), currency="USD")


def test_a_product_name_cannot_command_the_terminal() -> None:
    """Escapes and direction overrides are shown as question marks; letters of any script stay."""
    assert printable("a\x1b[2J\u202eb قميص 🦜") == "a?[2J?b قميص 🦜"


def test_money_has_two_digits() -> None:
    """Cents are not lost."""
    assert money(123_405) == "1,234.05"
