"""The demo's stack: hours of the past are published again by a backfill, as the dialog of the UI makes it."""

from datetime import UTC, datetime, timedelta

import pytest

from include.airflow_api import AirflowApi
from include.publish.request import PARTITION_KEY_FORMAT
from stack.processes import wait_until
from tests.demo_stack import Stack

pytestmark = pytest.mark.stack
HOURS = 2
PUBLISHED = """
select mart, hour_utc, version, content_hash from marts.current_publications
where hour_utc >= %s and hour_utc < %s order by mart, hour_utc
"""


def test_a_backfill_says_what_it_would_do_and_does_it(stack: Stack) -> None:
    """Preview, dry run, for real: a run per hour each time, and only the last one publishes."""
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    since = until - timedelta(hours=HOURS)
    names = [f"{since + timedelta(hours=hour):{PARTITION_KEY_FORMAT}}" for hour in range(HOURS)]
    with stack.airflow() as airflow:
        preview = airflow.preview_backfill("publish_marts", since, until)
        assert [run["partition_key"] for run in preview] == names

        before = stack.rows(PUBLISHED, [since, until])
        assert done(airflow, since, until, dry_run=True) == names
        assert stack.rows(PUBLISHED, [since, until]) == before

        assert done(airflow, since, until, dry_run=False) == names
    published = stack.rows(PUBLISHED, [since, until])
    assert {row["hour_utc"] for row in published} == {since, until - timedelta(hours=1)}


def done(airflow: AirflowApi, since: datetime, until: datetime, *, dry_run: bool) -> list[str]:
    """Make a backfill and wait for its end; returns the partitions that were green with it."""
    began = datetime.now(UTC).isoformat()
    number = airflow.backfill("publish_marts", since, until, {"dry_run": dry_run})
    wait_until(
        lambda: airflow.backfill_is_over(number),
        seconds=600,
        what=f"the end of backfill {number}",
        interval=1,
    )
    return sorted(
        run["partition_key"]
        for run in airflow.runs("publish_marts", run_type="backfill")
        if (run["state"], run["conf"]) == ("success", {"dry_run": dry_run}) and run["start_date"] > began
    )
