"""What a late order leaves in marts.restatements, whenever it comes."""

from datetime import timedelta

import pytest

from include.publish.request import Request
from tests.integration.publish.publishing import HOUR, LATER, outcomes, rows, run, two_orders
from tests.lake_double import LakeDouble, silver_order

pytestmark = pytest.mark.stack


def late(order_id: str, minute: int) -> dict:
    return silver_order(order_id, HOUR + timedelta(minutes=minute), is_late=True)


def test_each_republication_records_its_own_change_once(lake: LakeDouble) -> None:
    """Twice reopened and republished: old to new, then new to newer, and nothing for runs in between."""
    lake.batch(two_orders(), LATER)
    run(lake, Request("run-1", changed="closed"))
    for number in (2, 3):
        lake.batch([late(f"O-{number + 1}", number)], LATER)
        assert outcomes(run(lake, Request(f"run-{number}", changed="closed"))) == ["restated"]
        assert outcomes(run(lake, Request(f"run-{number} again", hours=[HOUR]))) == ["unchanged"]

    assert rows(
        lake.connection,
        "select version, run_id, reason, old_value, new_value from marts.restatements"
        " where mart = 'region_sales_hourly' and measure = 'revenue_cents' order by restatement_id",
    ) == [
        (2, "run-2", "late orders", 2_150, 4_300),
        (3, "run-3", "late orders", 4_300, 6_450),
    ]
    assert rows(
        lake.connection,
        "select count(*), count(distinct (mart, row_key, measure, version)) from marts.restatements",
    ) == [(14, 14)]


def test_only_what_changed_is_restated(lake: LakeDouble) -> None:
    """Rows of other regions and a measure that stays equal, the average, are not in the list."""
    lake.batch(two_orders(), LATER)
    run(lake)
    lake.batch([late("O-3", 3)], LATER)
    run(lake)

    found = rows(lake.connection, "select distinct row_key ->> 'region', measure from marts.restatements")
    assert sorted(found) == [("EMEA", "orders"), ("EMEA", "revenue_cents"), ("EMEA", "units")]


def test_a_late_order_before_the_first_publication_restates_nothing(lake: LakeDouble) -> None:
    """Nobody has seen other numbers, so there is nothing to correct."""
    lake.batch(two_orders(), LATER)
    lake.batch([late("O-3", 3)], LATER)

    assert outcomes(run(lake)) == ["published"]

    assert rows(lake.connection, "select orders from marts.region_sales_hourly where region = 'EMEA'") == [
        (2,)
    ]
    assert rows(lake.connection, "select count(*) from marts.restatements") == [(0,)]


def test_a_late_order_in_a_provisional_hour_restates_nothing(lake: LakeDouble) -> None:
    """The hour said that it was not complete; closing it is its first word."""
    lake.batch(two_orders(), HOUR + timedelta(minutes=30))
    run(lake)
    lake.batch([late("O-3", 3)], LATER)

    assert outcomes(run(lake)) == ["published"]

    assert rows(lake.connection, "select distinct version, is_restated from marts.region_sales_hourly") == [
        (2, False)
    ]
    assert rows(lake.connection, "select count(*) from marts.restatements") == [(0,)]


def test_a_late_order_restates_its_hour_and_no_other(lake: LakeDouble) -> None:
    """The hour after it keeps version and rows."""
    next_hour = HOUR + timedelta(hours=1)
    lake.batch([*two_orders(), silver_order("O-9", next_hour)], LATER)
    run(lake)
    lake.batch([late("O-3", 3)], LATER)

    assert outcomes(run(lake)) == ["restated"]

    assert rows(lake.connection, "select distinct hour_utc from marts.restatements") == [(HOUR,)]
    assert rows(
        lake.connection,
        "select hour_utc, max(version) from marts.publications group by hour_utc order by hour_utc",
    ) == [(HOUR, 2), (next_hour, 1)]
