"""How the one task of check_quality ends."""

from contextlib import nullcontext
from typing import Any

import pytest

from include.errors import NothingToPublish, QualityFailed


def check_for_run(monkeypatch: pytest.MonkeyPatch, run_type: str, error: Exception) -> None:
    # Airflow reads its variables when it is first imported: not before `airflow_home`.
    from include.quality import task

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(task, "sales_connection", lambda _: nullcontext())
    monkeypatch.setattr("include.quality.check.check", fail)
    task.check_for_run(run_id="run-1", run_type=run_type, partition_key="2026-11-23T08:00Z", params={})


def test_a_failed_look_is_not_repeated(airflow_home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would say the same."""
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="silver is bad"):
        check_for_run(monkeypatch, "scheduled", QualityFailed("silver is bad"))


@pytest.mark.parametrize("run_type", ["scheduled", "manual"])
def test_only_a_scheduled_run_may_be_too_early(
    airflow_home: Any, monkeypatch: pytest.MonkeyPatch, run_type: str
) -> None:
    """Whoever asks by hand before the first batch is told that nothing was looked at."""
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    expected = AirflowSkipException if run_type == "scheduled" else AirflowFailException
    with pytest.raises(expected, match="no batch yet"):
        check_for_run(monkeypatch, run_type, NothingToPublish("no batch yet"))
