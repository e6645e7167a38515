"""What the Airflow UI shows of a publish."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from include.errors import GateFailed, PublishError
from include.publish.summary import MAX_ROWS, HourResult, Summary

HOUR = datetime(2026, 11, 22, 10, tzinfo=UTC)


def result(outcome: str = "published", detail: str = "") -> HourResult:
    return HourResult(HOUR, outcome, 2, 123_456_705, Decimal("1.000"), 3, detail)


def test_the_table_has_a_row_per_hour() -> None:
    """Money to the cent, version and completeness included."""
    markdown = Summary(7, HOUR, [result()]).as_markdown()
    assert "**1 published** (as of 2026-11-22 10:00:00Z, up to batch 7)" in markdown
    assert "| 2026-11-22 10:00 | published | 3 | 1.000 | 2 | 1,234,567.05 |  |" in markdown


def test_a_long_table_is_cut_and_says_so() -> None:
    """XCom keeps the summary: it must stay small."""
    markdown = Summary(7, HOUR, [result()] * (MAX_ROWS + 5)).as_markdown()
    assert markdown.count("| published |") == MAX_ROWS
    assert markdown.endswith("… and 5 more hours")


def test_what_goes_to_xcom_is_json() -> None:
    """Decimals and times included."""
    assert json.loads(json.dumps(Summary(7, HOUR, [result()]).as_xcom()))["outcomes"] == {"published": 1}


def test_a_failed_hour_fails_the_run() -> None:
    """The error names the hour and its cause."""
    with pytest.raises(GateFailed, match=r"2026-11-22T10:00Z.*off by a cent"):
        Summary(7, HOUR, [result(), result("failed", "off by a cent")]).raise_for_failures()


def test_a_timeout_is_worth_another_try() -> None:
    """Even where another hour failed its gate: the error is not the one that ends the retries."""
    with pytest.raises(PublishError) as error:
        Summary(7, HOUR, [result("failed"), result("gave up", "lock timeout")]).raise_for_failures()
    assert not isinstance(error.value, GateFailed)


@pytest.mark.parametrize("outcome", ["published", "restated", "unchanged", "open", "superseded", "checked"])
def test_other_outcomes_do_not(outcome: str) -> None:
    """The marts hold what they should."""
    Summary(7, HOUR, [result(outcome)]).raise_for_failures()


@pytest.mark.parametrize(
    ("outcome", "changed"), [("published", 1), ("restated", 1), ("unchanged", 0), ("checked", 0), ("open", 0)]
)
def test_only_new_numbers_count_as_a_change(outcome: str, changed: int) -> None:
    """Neither a dry run nor a run that found everything published is news to a reader."""
    assert Summary(7, HOUR, [result(outcome)]).as_xcom()["hours_changed"] == changed
