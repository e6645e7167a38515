"""How the one task of publish_marts ends."""

import logging
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.errors import GateFailed, NothingToPublish
from include.settings import Settings


def publish_for_run(run_type: str, **params: Any) -> dict[str, Any]:
    # Airflow reads its variables when it is first imported: not before `airflow_home`.
    from include.publish import task

    return task.publish_for_run(
        dag_id="publish_closed_hours", run_id="run-1", run_type=run_type, partition_key=None, params=params
    )


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


def test_the_pages_are_made_when_an_hour_failed(airflow_home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is when somebody looks at them."""
    from airflow.sdk.exceptions import AirflowFailException

    from include.publish import task

    pages: list[Any] = []

    def fail(*arguments: Any) -> None:
        arguments[-1](SimpleNamespace(pages=["a page"]))
        raise GateFailed("hour 8 is bad")

    monkeypatch.setattr(task, "sales_connection", lambda _: nullcontext())
    monkeypatch.setattr(task, "publish", fail)
    monkeypatch.setattr(task, "keep_pages", lambda *arguments: pages.append(arguments[1:]))
    with pytest.raises(AirflowFailException, match="hour 8 is bad"):
        publish_for_run("manual")
    assert pages == [("publish_closed_hours", "run-1", ["a page"])]


def test_pages_that_cannot_be_made_are_no_failure(
    airflow_home: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk under the pages must not look like wrong numbers; the log says where the findings are."""
    from include.quality.task import keep_pages

    (tmp_path / "data_docs").write_text("no folder", encoding="utf-8")
    keep_pages(Settings(run_dir=tmp_path), "publish_marts", "run-1", [])
    assert "ops.quality_results" in caplog.text
