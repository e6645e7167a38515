"""What a failed task, one that succeeds again and a passed deadline leave behind."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from include.errors import NeedsAPerson
from include.settings import PROJECT_ROOT
from include.task_callbacks import (
    deadline_missed,
    kind_of,
    task_failed,
    task_failed_for_partition,
    task_succeeded,
    task_succeeded_for_partition,
)

RUN = SimpleNamespace(partition_key=None)
DAG_IDS = sorted(path.stem for path in (PROJECT_ROOT / "dags").glob("*.py"))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any], list[str]]]:
    """What would be written to the database."""
    calls: list[tuple[str, list[Any], list[str]]] = []

    def remember(dag_id: str, *, found: list[Any], over: list[str]) -> None:
        calls.append((dag_id, list(found), list(over)))

    monkeypatch.setattr("include.task_callbacks._settle", remember)
    return calls


def context(dag_id: str = "publish_marts", *, map_index: int = -1, **more: Any) -> dict[str, Any]:
    instance = SimpleNamespace(
        dag_id=dag_id,
        task_id="publish_hours",
        run_id="run-1",
        try_number=2,
        map_index=map_index,
        log_url="http://log",
    )
    return {"ti": instance, **more}


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_the_log_of_every_failed_task_ends_with_its_runbook(
    dag_bag: Any, dag_id: str, settled: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever raised it, and whatever it says: DEFAULT_ARGS of include/dag_defaults.py are the DAG's."""
    for task in dag_bag.dags[dag_id].tasks:
        (callback,) = task.on_failure_callback
        with caplog.at_level(logging.ERROR):
            callback(context(dag_id, exception=OSError("no space"), dag_run=RUN))
        page = caplog.messages[-1].rpartition(" ")[2]
        assert page == f"docs/runbooks/{dag_id}.md"
        assert (PROJECT_ROOT / page).is_file()
        (ends,) = task.on_success_callback
        assert getattr(ends, "func", ends) in (task_succeeded, task_succeeded_for_partition)


def test_a_failed_task_is_an_incident(settled: list[Any]) -> None:
    """With its last error, its log and the runbook."""
    task_failed(context(exception=OSError("no space left")))

    [(dag_id, [finding], over)] = settled
    assert (dag_id, over) == ("publish_marts", [])
    assert (finding.kind, finding.severity) == ("task_failed:publish_hours", "critical")
    assert "no space left" in finding.summary
    assert finding.details["log"] == "http://log"
    assert finding.runbook == "docs/runbooks/publish_marts.md"


def test_a_task_that_was_killed_left_no_error(settled: list[Any]) -> None:
    """Airflow calls for it from elsewhere, and knows no exception."""
    task_failed(context())
    assert settled[0][1][0].summary == (
        "Task publish_hours failed: it left no error: it was killed, or its worker gave no sign of life"
    )


def test_what_supervision_found_is_no_second_incident(settled: list[Any]) -> None:
    """Its own is open already."""
    task_failed(context("supervise_streams", exception=NeedsAPerson("much is quarantined")))
    assert settled == []


def test_the_next_success_ends_it(settled: list[Any]) -> None:
    """And the deadline that had passed."""
    task_succeeded(context())
    assert settled == [("publish_marts", [], ["task_failed:publish_hours", "deadline"])]


def test_mapped_tasks_are_told_apart() -> None:
    """One that succeeds does not end the incident of its neighbour."""
    assert kind_of("publish_hours", 3) == "task_failed:publish_hours[3]"


def test_days_are_told_apart_where_a_later_run_is_about_another(settled: list[Any]) -> None:
    """Tuesday's success says nothing about Monday."""
    monday = SimpleNamespace(partition_key="2026-11-23")
    task_failed_for_partition(context("rebuild_hours", dag_run=monday, exception=OSError("no space")))
    (finding,) = settled.pop()[1]
    assert finding.kind == "task_failed:publish_hours of 2026-11-23"
    task_succeeded_for_partition(context("rebuild_hours", dag_run=monday), also=["swap"])
    assert settled == [("rebuild_hours", [], [finding.kind, "task_failed:swap of 2026-11-23"])]


def test_a_run_that_is_about_no_day_ends_what_such_a_run_left(settled: list[Any]) -> None:
    task_succeeded_for_partition(context(dag_run=RUN))
    assert settled == [("publish_marts", [], ["task_failed:publish_hours"])]


def test_telling_readers_ends_no_deadline(dag_bag: Any, settled: list[Any]) -> None:
    """It comes after a publish that failed, too."""
    (ends,) = dag_bag.dags["publish_marts"].get_task("tell_readers").on_success_callback
    ends(context(dag_run=RUN))
    assert settled == [("publish_marts", [], ["task_failed:publish_hours"])]


def test_an_hour_that_does_not_close_is_no_failure(dag_bag: Any, settled: list[Any]) -> None:
    """`close` is skipped in nearly every run: that ends an incident as well."""
    (ends,) = dag_bag.dags["close_hours"].get_task("close").on_skipped_callback
    ends(context("close_hours"))
    assert settled == [("close_hours", [], ["task_failed:publish_hours", "deadline"])]


def test_a_missed_deadline_is_an_incident(settled: list[Any]) -> None:
    """It says which run, and when it was due."""
    run = {"dag_id": "publish_marts", "dag_run_id": "run-1", "run_after": "12:15", "state": "running"}
    asyncio.run(deadline_missed({"dag_run": run, "deadline": {"deadline_time": "12:35"}}, within_minutes=20))
    ((_, (finding,), _),) = settled
    assert finding.kind == "deadline"
    assert "Run run-1, due at 12:15, was not done within 20 minutes" in finding.summary


def deadline_counted_from(run_type: str, due: datetime) -> datetime | None:
    from airflow.utils.types import DagRunType

    from include.deadlines import ScheduledTime

    row = SimpleNamespace(one=lambda: (due, DagRunType(run_type)))
    session: Any = SimpleNamespace(execute=lambda _: row)
    return ScheduledTime()._evaluate_with(session=session, dag_id="publish_marts", run_id="run-1")


@pytest.mark.parametrize("run_type", ["scheduled", "manual", "backfill", "asset_triggered"])
def test_only_a_scheduled_run_has_a_deadline(airflow_home: Any, run_type: str) -> None:
    """Counted from when it was due. Whoever asks for a publish by hand waits for its turn."""
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert deadline_counted_from(run_type, soon) == (soon if run_type == "scheduled" else None)


def test_an_airflow_that_was_off_does_not_begin_with_an_alarm(airflow_home: Any) -> None:
    """A run that could not be made when it was due has its time from when it was made."""
    now = datetime.now(UTC)
    assert deadline_counted_from("scheduled", now - timedelta(hours=1)) >= now


def test_a_database_that_is_away_makes_no_task_red(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The callback says so in the log."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("connection refused")

    monkeypatch.setattr("include.sales_db.connect", refuse)
    task_succeeded(context())
    assert "The incidents of publish_marts could not be kept: connection refused" in caplog.messages


def test_publish_marts_is_due_in_twenty_minutes(dag_bag: Any) -> None:
    """By a callback that the triggerer can import by its name."""
    from include.deadlines import ScheduledTime

    (alert,) = dag_bag.dags["publish_marts"].deadline
    assert alert.reference == ScheduledTime()
    assert alert.interval.total_seconds() == 20 * 60
    assert alert.callback.path == "include.task_callbacks.deadline_missed"
    assert alert.callback.kwargs == {"within_minutes": 20}
