"""What each kind of Airflow run asks the publisher for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from include.errors import RequestRefused
from include.publish.request import RUN_TYPES, Request, request_of

EIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEY = "2026-11-23T08:00Z"


def asked(run_type: str, partition_key: str | None, **params: Any) -> Request:
    return request_of(run_id="run-1", run_type=run_type, partition_key=partition_key, params=params)


def test_a_scheduled_run_does_its_hour_and_the_closed_changes() -> None:
    """Late orders are published within the hour without anybody asking."""
    assert asked("scheduled", KEY) == Request("run-1", [EIGHT], "closed")


def test_a_backfill_does_its_hour_alone() -> None:
    """A backfill touches nothing but the hours in its window."""
    assert asked("backfill", KEY) == Request("run-1", [EIGHT], "none")


def test_a_run_on_demand_does_every_change() -> None:
    """Open hours included."""
    assert asked("manual", None) == Request("run-1", (), "all")


def test_a_run_on_demand_for_a_partition_does_that_hour() -> None:
    """The partition key of the trigger form is respected."""
    assert asked("manual", KEY) == Request("run-1", [EIGHT], "none")


def test_named_hours_win() -> None:
    """`hours` says it all, whatever the run."""
    assert asked("scheduled", "2026-11-23T09:00Z", hours=[KEY], dry_run=True) == Request(
        "run-1", [EIGHT], "none", dry_run=True
    )


@pytest.mark.parametrize(
    "name", ["2026-11-23T08:30Z", "2026-11-23 08:00", "2026-11-31T08:00Z", "2026-11-23T24:00Z"]
)
def test_an_hour_that_is_none_is_refused(name: str) -> None:
    """With the form it should have."""
    with pytest.raises(RequestRefused, match="2026-11-23T08:00Z"):
        asked("manual", None, hours=[name])


def test_blank_lines_name_nothing() -> None:
    """The form hands over an empty line for a line end after the last hour."""
    assert asked("manual", None, hours=[KEY, "", " "]) == Request("run-1", [EIGHT], "none")
    assert asked("manual", None, hours=[""]) == Request("run-1", (), "all")


def test_a_backfill_that_names_hours_is_refused() -> None:
    """Each of its runs would publish the same hours, and none those of the window."""
    with pytest.raises(RequestRefused, match="without `hours`"):
        asked("backfill", KEY, hours=["2026-11-23T09:00Z"])


def test_an_unknown_kind_of_run_is_refused() -> None:
    """Rather than taken for a backfill that leaves the late orders of other hours unpublished."""
    with pytest.raises(RequestRefused, match="DagRunType"):
        asked("DagRunType.SCHEDULED", KEY)


def test_the_kinds_of_runs_are_named_as_airflow_names_them() -> None:
    """What the task hands over is the value of this enumeration."""
    from airflow.sdk.api.datamodels._generated import DagRunType

    assert {kind.value for kind in DagRunType} >= RUN_TYPES
