"""What the page Sales is given, from a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest

from include.pages.reading import moment
from include.pages.sales import read_sales
from include.settings import Settings
from tests.sold import HOUR, MINUTE, publish, report, sell, this_minute

pytestmark = pytest.mark.stack


def test_an_empty_database_gives_empty_answers(owner: psycopg.Connection, settings: Settings) -> None:
    """No as_of: the page says that no order has arrived."""
    answers = read_sales(settings, hours=1)

    assert (answers["as_of"], answers["is_stale"]) == (None, True)
    assert [answers[name] for name in ("top_products", "order_values", "hours")] == [[], [], []]
    assert answers["trend"]["regions"] == []


def test_the_best_seller_comes_first(owner: psycopg.Connection, settings: Settings) -> None:
    """By units, within the last hour; older sales do not count."""
    sell(owner, this_minute(), product="P-1", orders=1)
    sell(owner, this_minute(), product="P-2", orders=3)
    sell(owner, this_minute() - 2 * HOUR, product="P-1", orders=9)

    products = read_sales(settings, hours=1)["top_products"]

    assert [(p["product_id"], p["units"], p["revenue_cents"]) for p in products] == [
        ("P-2", 6, 3_000),
        ("P-1", 2, 1_000),
    ]


def test_a_quiet_minute_is_a_zero(owner: psycopg.Connection, settings: Settings) -> None:
    """Lines show silence; every region has the same minutes."""
    now = this_minute()
    sell(owner, now - 10 * MINUTE, "EMEA", orders=2, cents=500)
    sell(owner, now - 5 * MINUTE, "APAC")

    regions = {row["region"]: row for row in read_sales(settings, hours=1)["trend"]["regions"]}

    assert regions.keys() == {"APAC", "EMEA"}
    emea = regions["EMEA"]
    sold_at = int((now - 10 * MINUTE).timestamp())
    by_minute = dict(zip(emea["steps"], emea["orders_by_step"], strict=True))
    assert {minute for minute, orders in by_minute.items() if orders} == {sold_at}
    assert emea["steps"] == regions["APAC"]["steps"]
    assert len(emea["steps"]) == 61


def test_a_day_has_steps_of_five_minutes(owner: psycopg.Connection, settings: Settings) -> None:
    """A sum of the window is the same at each grain."""
    for minute in range(0, 50, 7):
        sell(owner, this_minute() - minute * MINUTE, orders=1)

    hour, day = (read_sales(settings, hours=hours)["trend"] for hours in (1, 24))

    assert (hour["step_minutes"], day["step_minutes"]) == (1, 5)
    assert [trend["regions"][0]["orders"] for trend in (hour, day)] == [8, 8]
    steps = day["regions"][0]["steps"]
    assert {after - before for before, after in pairwise(steps)} == {300}


def test_the_value_over_all_regions_is_not_an_average_of_averages(
    owner: psycopg.Connection, settings: Settings
) -> None:
    """Three orders of 10.00 and one of 50.00 are worth 20.00 each, not 30.00."""
    sell(owner, this_minute(), "EMEA", orders=3, cents=1_000)
    sell(owner, this_minute(), "APAC", orders=1, cents=5_000)

    periods = read_sales(settings, hours=1)["order_values"]

    assert [period["period"] for period in periods] == ["last 5 minutes", "last hour", "last day"]
    assert {period["all"]["average_order_value_cents"] for period in periods} == {2_000}
    assert periods[0]["regions"]["APAC"]["average_order_value_cents"] == 5_000


def test_an_hour_says_what_is_seen_and_what_is_audited(owner: psycopg.Connection, settings: Settings) -> None:
    """An hour in the marts has its version and completeness; the running hour only its seen share."""
    this_hour = this_minute().replace(minute=0)
    sell(owner, this_hour, orders=2, cents=100)
    sell(owner, this_hour - 2 * HOUR, orders=5, cents=100)
    publish(owner, this_hour - 2 * HOUR, orders=4, cents=400, completeness=1)
    report(owner, as_of=this_hour + 15 * MINUTE)

    running, closed = read_sales(settings, hours=1)["hours"]

    assert (running["seen"], running["version"], running["live_revenue_cents"]) == (0.25, None, 200)
    assert (closed["seen"], closed["version"], closed["completeness"]) == (1.0, 1, 1.0)
    assert (closed["live_revenue_cents"], closed["marts_revenue_cents"]) == (500, 400)


def test_old_answers_say_so(owner: psycopg.Connection, settings: Settings) -> None:
    """A stream that stands still is seen on the page, and how much of the last hour is missing."""
    report(owner, as_of=datetime.now(UTC) - timedelta(minutes=15))

    answers = read_sales(settings, hours=1)

    assert answers["is_stale"]
    assert answers["last_hour_seen"] == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("role", ["sales_reader", "sales_loader"])
def test_a_page_cannot_change_anything(owner: psycopg.Connection, settings: Settings, role: str) -> None:
    """Also as the role that could."""
    with (
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        moment(settings.postgres, role) as connection,  # type: ignore[arg-type]
    ):
        connection.execute("delete from live.products")
