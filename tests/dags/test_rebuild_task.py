"""What the tasks of rebuild_hours make of somebody's answer."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

JOB = {"name": "hours-1"}
ANN = {"name": "ann"}


@pytest.mark.parametrize(
    ("user", "by"), [(ANN, "ann"), (None, "nobody, the time to answer is over")], ids=["a no", "no answer"]
)
def test_a_no_is_put_down_and_skips_the_swap(
    airflow_home: Any, monkeypatch: pytest.MonkeyPatch, user: dict[str, str] | None, by: str
) -> None:
    """Silence is a no: whoever says nothing has not agreed."""
    from airflow.sdk.exceptions import AirflowSkipException

    from include.rebuild import task

    concluded: list[Any] = []
    monkeypatch.setattr(task, "CONNECTING", nullcontext)
    monkeypatch.setattr(task, "read", lambda *_: SimpleNamespace(name="hours-1"))
    monkeypatch.setattr(task, "conclude", lambda _, *what: concluded.append(what))
    approval = {"chosen_options": ["Reject"], "responded_by_user": user}

    with pytest.raises(AirflowSkipException, match=by):
        task.swap_for_run(JOB, approval, "run-1")

    assert concluded == [("hours-1", "declined", by)]


def test_who_says_nothing_has_not_agreed(dag_bag: Any) -> None:
    approve = dag_bag.dags["rebuild_hours"].get_task("approve")
    assert (approve.options, approve.defaults) == (["Approve", "Reject"], ["Reject"])
    assert dag_bag.dags["rebuild_hours"].get_task("swap").upstream_task_ids >= {"approve"}
