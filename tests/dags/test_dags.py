"""What every DAG owes its operator, and that the DAG files stay thin."""

import subprocess
import sys
from contextlib import nullcontext
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.dag_defaults import OWNER
from include.settings import PROJECT_ROOT, child_environment

DAG_IDS = sorted(path.stem for path in (PROJECT_ROOT / "dags").glob("*.py"))
# Their runs may wait for an approval for days.
MAY_WAIT = {"rebuild_hours": "rebuild", "maintain_lake": "compact"}  # and its task that costs something
HEAVY = ("pyspark", "pandas", "pyarrow", "deltalake", "great_expectations")


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
        assert time_limit(task) is not None


def test_nobody_is_asked_about_compacting(dag_bag: Any) -> None:
    """The question comes after it; deleting comes after the question, and without one if none is needed."""
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    dag = dag_bag.dags["maintain_lake"]
    approve = dag.get_task("approve")
    assert approve.get_flat_relative_ids(upstream=True) == {"plan", "compact", "may_delete"}
    assert dag.get_task("delete").upstream_task_ids == {"may_delete", "approve"}
    assert dag.get_task("delete").trigger_rule == "none_failed_min_one_success"
    assert dag.get_task("summarize").trigger_rule == "none_failed"
    # Whoever says nothing has not agreed.
    assert approve.defaults == [ApprovalOperator.REJECT]
    assert (approve.response_timeout, approve.fail_on_reject) == (timedelta(hours=10), False)


def time_limit(task: Any) -> timedelta | None:
    """A task that waits for a person is not running meanwhile: what is limited is the wait."""
    from airflow.providers.standard.operators.hitl import HITLOperator

    return task.response_timeout if isinstance(task, HITLOperator) else task.execution_timeout


@pytest.mark.parametrize("dag_id", sorted(set(DAG_IDS) - set(MAY_WAIT)))
def test_runs_do_not_pile_up(dag_bag: Any, dag_id: str) -> None:
    """One at a time, and no catching up on the past when a DAG is switched on."""
    dag = dag_bag.dags[dag_id]
    assert (dag.max_active_runs, dag.catchup) == (1, False)


@pytest.mark.parametrize(("dag_id", "heavy"), MAY_WAIT.items())
def test_runs_that_wait_for_a_person_hold_up_no_other(dag_bag: Any, dag_id: str, heavy: str) -> None:
    """But what costs the machine something is done by one run at a time, whoever started it."""
    dag = dag_bag.dags[dag_id]
    assert dag.max_active_runs > 1
    assert not dag.catchup
    assert dag.get_task(heavy).max_active_tis_per_dag == 1


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


@pytest.mark.parametrize(
    ("dag_id", "task_id"),
    [
        ("publish_marts", "publish_hours"),
        ("publish_closed_hours", "publish_hours"),
        ("check_quality", "check_hours"),
    ],
)
def test_a_task_with_gates_leads_to_its_pages(dag_bag: Any, dag_id: str, task_id: str) -> None:
    """The button is in what the scheduler and the API server know of the DAG."""
    from airflow.serialization.serialized_objects import DagSerialization

    (task,) = [
        one
        for one in DagSerialization.to_dict(dag_bag.dags[dag_id])["dag"]["tasks"]
        if one["__var"]["task_id"] == task_id
    ]
    assert task["__var"]["_operator_extra_links"] == {"Data Docs": "_link_DataDocsLink"}


@pytest.mark.parametrize("has_pages", [True, False])
def test_the_button_leads_to_the_pages_of_the_run(
    airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_pages: bool
) -> None:
    """Below the path that Airflow is served at; without pages there is nothing to lead to."""
    from include import data_docs_link

    (tmp_path / "publish_marts-manual__2026-11-23T08-00-00-00-00").mkdir() if has_pages else None
    monkeypatch.setattr(data_docs_link, "get_settings", lambda: SimpleNamespace(data_docs=tmp_path))
    monkeypatch.setattr(data_docs_link.conf, "get", lambda *_, **__: "http://airflow.test/below/")
    key = SimpleNamespace(dag_id="publish_marts", run_id="manual__2026-11-23T08:00:00+00:00")

    link = data_docs_link.DataDocsLink().get_link(None, ti_key=key)

    folder = "publish_marts-manual__2026-11-23T08-00-00-00-00"
    assert link == (f"/below/saleslake/data-docs/{folder}/index.html" if has_pages else "")


def test_a_long_run_id_has_a_folder_of_its_own(airflow_home: Path) -> None:
    """Airflow takes 250 characters; a file's name ends at 255, and has the DAG's name in it."""
    from include.data_docs_link import pages_name

    names = {pages_name("publish_marts", "r" * 249 + end) for end in "ab"}

    assert len(names) == 2
    assert max(map(len, names)) < 200


@pytest.mark.parametrize("dag_id", ["publish_marts", "publish_closed_hours"])
@pytest.mark.parametrize("is_news", [False, True])
def test_only_a_change_makes_an_asset_event(
    dag_bag: Any, monkeypatch: pytest.MonkeyPatch, is_news: bool, dag_id: str
) -> None:
    """Who waits for new numbers is not woken by a dry run or by a run that changed nothing."""
    from airflow.sdk.execution_time.context import OutletEventAccessors
    from airflow.sdk.execution_time.task_runner import _build_asset_profiles, _serialize_outlet_events

    task = dag_bag.dags[dag_id].get_task("tell_readers")
    events = OutletEventAccessors()
    context = {"dag_run": SimpleNamespace(run_id="run-1"), "outlet_events": events}
    monkeypatch.setitem(task.python_callable.__globals__, "get_current_context", lambda: context)
    monkeypatch.setattr(
        "include.publish.task.has_changed_marts", lambda run_id: run_id == "run-1" and is_news
    )

    assert task.python_callable() == is_news
    # Whatever became of the publish; and it does not hide that it failed.
    assert (task.is_teardown, task.on_failure_fail_dagrun) == (True, False)
    assert task.upstream_task_ids == {"publish_hours"}

    # The API server makes an event for each outlet that is an asset, and for what was added to an alias.
    assert {profile.type for profile in _build_asset_profiles(task.outlets)} == {"AssetAlias"}
    added = [event["dest_asset_key"]["name"] for event in _serialize_outlet_events(events)]
    assert added == (["sales_marts"] if is_news else [])


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
