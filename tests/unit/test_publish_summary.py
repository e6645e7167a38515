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


def test_the_table_is_aligned_and_ends_with_the_headline() -> None:
    """Money to the cent, version and completeness included."""
    titles, row, headline = Summary(7, HOUR, [result(detail="two\nlines")]).as_text().splitlines()
    assert " ".join(row.split()) == "2026-11-22T10:00Z published 3 1.000 2 1,234,567.05 two lines"
    assert [titles.index(t) for t in ("outcome", "revenue")] == [row.index("pub"), row.index("1,234")]
    assert headline == "1 hour: 1 published (as of 2026-11-22 10:00:00Z, up to batch 7)."


def test_nothing_to_do_is_said_in_one_line() -> None:
    """Without an empty table."""
    assert Summary(7, HOUR, []).as_text().startswith("0 hours: nothing to do (as of")


def test_a_dry_run_says_so() -> None:
    """Nobody takes it for a publish."""
    headline = Summary(7, HOUR, [result("checked")], is_dry_run=True).headline()
    assert headline.startswith("dry run, nothing was published: 1 hour: 1 checked")


def test_an_hour_without_a_new_version_says_so() -> None:
    """Instead of a version that is None."""
    assert "checked, no new version, completeness" in result("checked")._replace(version=None).as_text()


def test_a_long_table_is_cut_and_says_so() -> None:
    """A log and XCom must stay small."""
    summary = Summary(7, HOUR, [result()] * (MAX_ROWS + 5))
    assert summary.as_text().count("Z  published") == len(summary.as_xcom()["hours"]) == MAX_ROWS
    assert "… and 5 hours more" in summary.as_text()


def test_what_goes_to_xcom_is_json() -> None:
    """Decimals and times included."""
    handed_over = json.loads(json.dumps(Summary(7, HOUR, [result()]).as_xcom()))
    assert handed_over["outcomes"] == {"published": 1}
    assert handed_over["summary"].startswith("1 hour: 1 published")
    assert handed_over["hours"][0]["hour"] == "2026-11-22T10:00Z"


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
