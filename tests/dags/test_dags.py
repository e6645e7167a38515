"""What every DAG owes its operator, and that the DAG files stay thin."""

import subprocess
import sys
from contextlib import nullcontext
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.dag_defaults import OWNER
from include.settings import PROJECT_ROOT, child_environment

DAG_IDS = sorted(path.stem for path in (PROJECT_ROOT / "dags").glob("*.py"))
HEAVY = ("pyspark", "pandas", "pyarrow", "deltalake")


def test_every_file_is_imported_without_an_error(dag_bag: Any) -> None:
    """A DAG that cannot be imported is a DAG that silently does not run."""
    assert dag_bag.import_errors == {}


def test_a_file_holds_the_dag_of_its_name(dag_bag: Any) -> None:
    """File stem = function = dag_id."""
    assert sorted(dag_bag.dags) == DAG_IDS
    assert {Path(dag.fileloc).stem for dag in dag_bag.dags.values()} == set(DAG_IDS)


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_dag_tells_its_operator_what_to_do(dag_bag: Any, dag_id: str) -> None:
    """A page that says what to do when it is red, a runbook, tags, an owner, retries."""
    dag = dag_bag.dags[dag_id]
    runbook = PROJECT_ROOT / "docs" / "runbooks" / f"{dag_id}.md"
    assert runbook.is_file()
    assert f"docs/runbooks/{dag_id}.md" in dag.doc_md
    assert "it is red" in dag.doc_md
    assert f"runbook:{dag_id}" in dag.tags
    assert any(tag.startswith("layer:") for tag in dag.tags)
    for task in dag.tasks:
        assert (task.owner, task.retries > 0) == (OWNER, True)
        assert task.execution_timeout is not None


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_runs_do_not_pile_up(dag_bag: Any, dag_id: str) -> None:
    """One at a time, and no catching up on the past when a DAG is switched on."""
    dag = dag_bag.dags[dag_id]
    assert (dag.max_active_runs, dag.catchup) == (1, False)


def test_parsing_imports_nothing_heavy(airflow_home: Path) -> None:
    """Airflow parses each file every half minute: in a fresh process, no Spark, pandas or Arrow is loaded."""
    program = (
        "import sys; from airflow.dag_processing.dagbag import DagBag\n"
        "bag = DagBag(dag_folder=sys.argv[1])\n"
        f"print(len(bag.dags), *(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(PROJECT_ROOT / "dags")],
        env=child_environment(
            AIRFLOW_HOME=str(airflow_home),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            PYTHONPATH=str(PROJECT_ROOT),
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == str(len(DAG_IDS))


def test_publish_marts_can_be_backfilled(dag_bag: Any) -> None:
    """Its timetable is periodic, and a window of three hours is the partitions of these hours."""
    from airflow.serialization.encoders import coerce_to_core_timetable

    timetable = coerce_to_core_timetable(dag_bag.dags["publish_marts"].timetable)
    window = {
        "earliest": datetime(2026, 11, 23, 8, tzinfo=UTC),
        "latest": datetime(2026, 11, 23, 11, tzinfo=UTC),
    }
    keys = [info.partition_key for info in timetable.iter_partition_dagrun_infos(**window)]
    assert timetable.periodic
    assert keys == ["2026-11-23T08:00Z", "2026-11-23T09:00Z", "2026-11-23T10:00Z"]


def test_a_scheduled_run_publishes_the_hour_before(dag_bag: Any) -> None:
    """The run of 12:15 is named after hour 11."""
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction
    from pendulum import datetime as instant

    timetable = coerce_to_core_timetable(dag_bag.dags["publish_marts"].timetable)
    first = timetable.next_dagrun_info_v2(
        last_dagrun_info=None,
        restriction=TimeRestriction(earliest=instant(2099, 1, 1, 12), latest=None, catchup=True),
    )
    assert first is not None
    assert (first.run_after, first.partition_key) == (instant(2099, 1, 1, 12, 15), "2099-01-01T11:00Z")


@pytest.mark.parametrize("hours_changed", [0, 2])
def test_only_a_change_makes_an_asset_event(
    dag_bag: Any, monkeypatch: pytest.MonkeyPatch, hours_changed: int
) -> None:
    """Who waits for new numbers is not woken by a dry run or by a run that changed nothing."""
    from airflow.sdk.execution_time.context import OutletEventAccessors
    from airflow.sdk.execution_time.task_runner import _build_asset_profiles, _serialize_outlet_events

    task = dag_bag.dags["publish_marts"].get_task("publish_hours")
    events = OutletEventAccessors()
    run = SimpleNamespace(run_id="run-1", run_type=SimpleNamespace(value="manual"), partition_key=None)
    context = {"dag_run": run, "params": {}, "outlet_events": events}
    monkeypatch.setitem(task.python_callable.__globals__, "get_current_context", lambda: context)
    done = {"hours_changed": hours_changed}
    monkeypatch.setattr("include.publish.task.publish_for_run", lambda **_: done)

    assert task.python_callable() == done

    # The API server makes an event for each outlet that is an asset, and for what was added to an alias.
    assert {profile.type for profile in _build_asset_profiles(task.outlets)} == {"AssetAlias"}
    added = [event["dest_asset_key"]["name"] for event in _serialize_outlet_events(events)]
    assert added == (["sales_marts"] if hours_changed else [])


@pytest.mark.parametrize(
    ("params", "is_good"),
    [
        ({}, True),
        ({"hours": ["2026-11-23T08:00Z"], "dry_run": True}, True),
        ({"hours": ["2026-11-23T23:00Z", ""]}, True),
        ({"hours": ["2026-11-23T08:30Z"]}, False),
        ({"hours": ["2026-11-23T24:00Z"]}, False),
        ({"hours": ["2026-11-23T99:00Z"]}, False),
        ({"hours": "2026-11-23T08:00Z"}, False),
        ({"dry_run": "yes"}, False),
    ],
)
def test_publish_marts_validates_its_params(dag_bag: Any, params: dict[str, Any], is_good: bool) -> None:
    """The trigger form and the API refuse what the task could not use."""
    from airflow.sdk.definitions.param import ParamsDict

    merged = ParamsDict(dict(dag_bag.dags["publish_marts"].params.items()))
    with nullcontext() if is_good else pytest.raises(Exception, match="Invalid input for param"):
        merged.update(params)
        merged.validate()


@pytest.mark.parametrize(
    ("params", "is_good"),
    [
        ({}, True),
        ({"dry_run": False, "reasons": ["not_json"], "fix": "strip_byte_order_mark"}, True),
        ({"from": "2026-11-23T08:00:00Z", "to": None, "limit": 5, "again": True}, True),
        ({"reasons": ["no_such_reason"]}, False),
        ({"fix": "guess"}, False),
        ({"limit": 0}, False),
        ({"dry_run": "yes"}, False),
    ],
)
def test_replay_rejected_validates_its_params(dag_bag: Any, params: dict[str, Any], is_good: bool) -> None:
    """And is a dry run unless somebody says otherwise."""
    from airflow.sdk.definitions.param import ParamsDict

    # The values lie in the DAG's own Param objects: a run has copies, and so has this test.
    merged = deepcopy(ParamsDict(dict(dag_bag.dags["replay_rejected"].params.items())))
    assert merged["dry_run"] is True
    with nullcontext() if is_good else pytest.raises(Exception, match="Invalid input for param"):
        merged.update(params)
        merged.validate()
