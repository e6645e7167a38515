"""When a DAG runs, and for which hour."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.mark.parametrize("dag_id", ["publish_marts", "check_quality"])
def test_hours_can_be_backfilled(dag_bag: Any, dag_id: str) -> None:
    """The timetable is periodic, and a window of three hours is the partitions of these hours."""
    from airflow.serialization.encoders import coerce_to_core_timetable

    timetable = coerce_to_core_timetable(dag_bag.dags[dag_id].timetable)
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


@pytest.mark.parametrize(
    ("dag_id", "next_run"),
    [
        ("check_quality", datetime(2026, 11, 27, 4, 20, tzinfo=UTC)),
        ("maintain_lake", datetime(2026, 11, 27, 6, 30, tzinfo=UTC)),
        ("rebuild_hours", datetime(2026, 11, 28, 3, 30, tzinfo=UTC)),
    ],
)
def test_heavy_work_waits_for_its_time(
    dag_bag: Any, monkeypatch: pytest.MonkeyPatch, dag_id: str, next_run: datetime
) -> None:
    """
    Airflow that starts just after a run's time does not make that run, which would take the machine from a
    stream that has just begun.
    """
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables import trigger
    from airflow.timetables.base import TimeRestriction

    monkeypatch.setattr(trigger, "utcnow", lambda: datetime(2026, 11, 27, 3, 31, tzinfo=UTC))
    dag = dag_bag.dags[dag_id]
    timetable = coerce_to_core_timetable(dag.timetable)
    restriction = TimeRestriction(earliest=dag.start_date, latest=None, catchup=dag.catchup)
    first = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    assert first is not None
    assert first.run_after == next_run


@pytest.mark.parametrize(
    ("run_type", "hour", "may_delete"),
    [("scheduled", 2, True), ("scheduled", 6, False), ("manual", 6, True)],
)
def test_files_are_deleted_at_night_or_on_demand(
    dag_bag: Any, monkeypatch: pytest.MonkeyPatch, run_type: str, hour: int, may_delete: bool
) -> None:
    """Nobody is asked the same question six times a day."""
    task = dag_bag.dags["maintain_lake"].get_task("plan")
    given: dict[str, Any] = {}
    monkeypatch.setattr("include.maintenance.task.plan_for_run", lambda params, **words: given.update(words))
    run_after = datetime(2026, 11, 27, hour, 30, tzinfo=UTC)
    run = SimpleNamespace(run_type=SimpleNamespace(value=run_type), run_after=run_after)
    monkeypatch.setitem(
        task.python_callable.__globals__, "get_current_context", lambda: {"dag_run": run, "params": {}}
    )
    task.python_callable()
    assert given == {"may_delete": may_delete}
