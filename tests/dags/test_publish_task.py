"""How the one task of publish_marts ends."""

import logging
from contextlib import nullcontext
from typing import Any

import pytest

from include.errors import NothingToPublish


def publish_for_run(run_type: str, **params: Any) -> dict[str, Any]:
    # Airflow reads its variables when it is first imported: not before `airflow_home`.
    from include.publish import task

    return task.publish_for_run(run_id="run-1", run_type=run_type, partition_key=None, params=params)


def test_a_refused_request_is_not_tried_again(airflow_home: Any) -> None:
    """It says the same thing the next time."""
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="2026-11-23T08:30Z"):
        publish_for_run("manual", hours=["2026-11-23T08:30Z"])


def test_a_skip_says_why(
    airflow_home: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Airflow marks the task as skipped and does not log the reason."""
    from airflow.sdk.exceptions import AirflowSkipException

    from include.publish import task

    def find_nothing(*_: Any) -> None:
        raise NothingToPublish("no batch is closed yet")

    monkeypatch.setattr(task, "sales_connection", lambda _: nullcontext())
    monkeypatch.setattr(task, "publish", find_nothing)
    monkeypatch.setattr(task, "request_of", lambda **_: None)
    with caplog.at_level(logging.WARNING), pytest.raises(AirflowSkipException):
        publish_for_run("scheduled")
    assert "Skipped: no batch is closed yet" in caplog.text
