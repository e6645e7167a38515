"""
The demo's stack with a cent too much in gold, while orders stream: the gate stops the marts, a rebuild shows
the difference, somebody declines it, somebody agrees to it, and the lake writer dies while it swaps.
"""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from bench.alarm_faults import a_row_of_gold
from include.airflow_api import AirflowApi
from include.publish.request import PARTITION_KEY_FORMAT
from lake.reading import delta_table
from lake.tables import GOLD_ORDER_VALUE_MINUTE, shadow
from stack.processes import wait_until
from tests.demo_stack import Answers, Stack

pytestmark = pytest.mark.stack
REBUILT_WITHIN = 900
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def airflow(stack: Stack) -> Iterator[AirflowApi]:
    with stack.airflow() as api:
        yield api


@pytest.fixture(scope="module")
def bad_hour(stack: Stack) -> dict[str, str]:
    """
    A cent too much in one row of gold, of a batch that is closed; `since` and `until` are its hour. delta-rs
    on either side: no commit is lost.
    """
    (closed,) = stack.rows("select max(batch_id) as batch from ops.ledger")
    predicate, hour = a_row_of_gold(stack.folder.lake_root, closed["batch"])
    gold = delta_table(GOLD_ORDER_VALUE_MINUTE, stack.folder.lake_root)
    changed = gold.update(predicate=predicate, updates={"revenue_cents": "revenue_cents + 1"})
    assert changed["num_updated_rows"] == 1
    return {"since": f"{hour:{PARTITION_KEY_FORMAT}}", "until": f"{hour + HOUR:{PARTITION_KEY_FORMAT}}"}


@pytest.fixture(scope="module")
def stopped_publish(stack: Stack, airflow: AirflowApi, bad_hour: dict[str, str]) -> str:
    """A run of publish_marts that had to publish that hour."""
    run_id = airflow.trigger("publish_marts", {"hours": [bad_hour["since"]]})
    assert airflow.wait("publish_marts", run_id, timeout_seconds=600) == "failed"
    return run_id


@pytest.fixture(scope="module")
def declined(airflow: AirflowApi, bad_hour: dict[str, str], stopped_publish: str) -> str:
    """A run of rebuild_hours that found the difference and was told no."""
    run_id = airflow.trigger("rebuild_hours", bad_hour)
    assert Answers(airflow, "rebuild_hours", run_id, "Reject").give(seconds=REBUILT_WITHIN)
    return run_id


def test_the_gate_stops_the_hour(stack: Stack, bad_hour: dict[str, str], stopped_publish: str) -> None:
    """The marts keep what they had, and the incident names table, hour and page."""
    cents = "select max(published_at) as latest from marts.publications where run_id = %s"
    assert stack.rows(cents, [stopped_publish]) == [{"latest": None}]
    (incident,) = open_incidents(stack, "publish_marts")
    assert "gold.order_value_minute" in incident["summary"]
    assert bad_hour["since"] in incident["summary"]
    assert incident["runbook"] == "docs/runbooks/publish_marts.md"


def test_a_no_changes_nothing(stack: Stack, declined: str) -> None:
    """Neither gold nor the side tables are left as if it had been a yes."""
    (rebuild,) = rebuilds_of(stack, declined)
    assert (rebuild["state"], rebuild["decided_by"]) == ("declined", "admin")
    assert requests_of(stack, declined) == []
    assert list(shadow(stack.folder.lake_root, "").glob("*")) == []
    assert "FAIL" in stack.call("reconcile").stdout


def test_a_run_done_again_is_swapped_although_the_writer_dies(
    stack: Stack, airflow: AirflowApi, bad_hour: dict[str, str], declined: str
) -> None:
    """Clear, approve, `kill -9` in the middle of the swap: the next writer finishes it."""
    victim = stack.pid_of("lake-writer")
    airflow.clear("rebuild_hours", declined)
    answers = Answers(airflow, "rebuild_hours", declined)
    is_swapping = partial(swap_has_begun, stack, answers, declined)
    wait_until(is_swapping, seconds=REBUILT_WITHIN, what="the swap", interval=0.1)
    os.kill(victim, signal.SIGKILL)
    answers.give(seconds=REBUILT_WITHIN)

    assert "gold.order_value_minute" in answers.asked[0]["body"]
    (request,) = requests_of(stack, declined)
    assert (request["state"], request["attempts"]) == ("done", 2)
    assert stack.pid_of("lake-writer") != victim
    swapped = airflow.return_value("rebuild_hours", declined, "swap")
    assert swapped["hours"] == [bad_hour["since"]]
    assert "approved by admin" in swapped["reason"]
    assert rebuilds_of(stack, declined)[0]["state"] == "swapped"
    assert list(shadow(stack.folder.lake_root, "").glob("*")) == []


def swap_has_begun(stack: Stack, answers: Answers, run_id: str) -> bool:
    answers.is_over()
    return any(request["state"] == "running" for request in requests_of(stack, run_id))


def test_the_stopped_publish_is_done_again(stack: Stack, airflow: AirflowApi, stopped_publish: str) -> None:
    """Cleared, it is green, its incident is over, and every cent is where it belongs."""
    airflow.clear("publish_marts", stopped_publish)
    assert airflow.wait("publish_marts", stopped_publish, timeout_seconds=600) == "success"
    assert open_incidents(stack, "publish_marts") == []
    assert "PASS" in stack.succeed("reconcile", "--wait", "180")


def open_incidents(stack: Stack, about: str) -> list[dict[str, Any]]:
    return stack.rows("select * from ops.incidents where stream = %s and closed_at is null", [about])


def rebuilds_of(stack: Stack, run_id: str) -> list[dict[str, Any]]:
    return stack.rows("select * from ops.hour_rebuilds where requested_by = %s", [f"rebuild_hours {run_id}"])


def requests_of(stack: Stack, run_id: str) -> list[dict[str, Any]]:
    return stack.rows("select * from ops.table_requests where requested_by = %s", [f"rebuild_hours {run_id}"])
