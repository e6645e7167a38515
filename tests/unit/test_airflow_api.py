"""The client of Airflow's API, against a made-up server."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from include import airflow_api
from include.airflow_api import AirflowApi
from include.errors import AirflowApiError
from include.settings import AirflowSettings

PASSWORD = "not-in-any-message"  # noqa: S105
Answers = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def settings(tmp_path: Path) -> AirflowSettings:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"username": "admin", "password": PASSWORD}))
    return AirflowSettings(url="http://airflow.test", credentials_file=file)


def api(settings: AirflowSettings, answer: Answers) -> AirflowApi:
    def route(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "token"})
        return answer(request)

    return AirflowApi(settings, httpx.MockTransport(route))


def test_a_trigger_names_the_conf_and_returns_the_run(settings: AirflowSettings) -> None:
    """`logical_date` is null: the run is about what changed, not about a date."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"dag_run_id": "manual__1"})

    assert api(settings, answer).trigger("publish_marts", {"dry_run": True}) == "manual__1"
    assert json.loads(asked[0].content) == {
        "logical_date": None,
        "conf": {"dry_run": True},
        "partition_key": None,
    }
    assert asked[0].headers["Authorization"] == "Bearer token"


def test_waiting_tells_each_state_once(settings: AirflowSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the run is over."""
    monkeypatch.setattr(airflow_api, "POLL_SECONDS", 0)
    states = iter(["queued", "running", "running", "success"])
    told: list[str] = []

    client = api(settings, lambda _: httpx.Response(200, json={"state": next(states)}))

    assert client.wait("publish_marts", "r", timeout_seconds=5, tell=told.append) == "success"
    assert told == ["queued", "running", "success"]


def test_a_run_that_does_not_end_is_an_error(
    settings: AirflowSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the run and where to look."""
    monkeypatch.setattr(airflow_api, "POLL_SECONDS", 0)
    client = api(settings, lambda _: httpx.Response(200, json={"state": "running"}))
    with pytest.raises(AirflowApiError, match="still running"):
        client.wait("publish_marts", "r", timeout_seconds=0.01)


def test_a_token_that_ran_out_is_renewed(settings: AirflowSettings) -> None:
    """Long waits outlive a token."""
    answers = iter([httpx.Response(401), httpx.Response(200, json={"state": "success"})])
    assert api(settings, lambda _: next(answers)).run_state("publish_marts", "r") == "success"


def test_a_refusal_says_what_airflow_said_and_no_password(settings: AirflowSettings) -> None:
    """Method, path, status and answer."""
    client = api(settings, lambda _: httpx.Response(404, json={"detail": "no such DAG"}))
    with pytest.raises(
        AirflowApiError, match=r"POST /api/v2/dags/x/dagRuns: answer 404.*no such DAG"
    ) as error:
        client.trigger("x")
    assert PASSWORD not in str(error.value)


def test_no_credentials_file_is_a_clear_error() -> None:
    """Before anything is sent."""
    with pytest.raises(AirflowApiError, match="no credentials file"):
        AirflowApi(AirflowSettings(url="http://airflow.test")).run_state("publish_marts", "r")
