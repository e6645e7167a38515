"""A small client of Airflow's REST API: log in, trigger a DAG, wait for it, backfill it."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx

from include.errors import AirflowApiError
from include.settings import AirflowSettings

FINISHED = frozenset({"success", "failed"})
POLL_SECONDS = 1.0


class AirflowApi:
    """Talks to one Airflow as one user. Use it in a `with` block."""

    def __init__(self, settings: AirflowSettings, transport: httpx.BaseTransport | None = None) -> None:
        self._settings = settings
        # No proxy from the environment: the embedded Airflow is on loopback.
        self._client = httpx.Client(base_url=settings.url, timeout=30, transport=transport, trust_env=False)
        self._token: str | None = None

    def __enter__(self) -> "AirflowApi":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def unpause(self, dag_id: str, *, timeout_seconds: float = 120) -> None:
        """The DAG is scheduled. Waits until Airflow has read its file, a while after its start."""
        deadline = time.monotonic() + timeout_seconds
        while not self._is_known(dag_id):
            if time.monotonic() > deadline:
                raise AirflowApiError(
                    f"Looking for the DAG {dag_id}: Airflow does not know it after {timeout_seconds:.0f} s."
                    f" Nothing was done. See the import errors in the UI: {self._settings.url}"
                )
            time.sleep(POLL_SECONDS)
        self._ask("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def trigger(
        self, dag_id: str, conf: Mapping[str, Any] | None = None, partition_key: str | None = None
    ) -> str:
        """Start a run on demand; returns its id."""
        body = {"logical_date": None, "conf": dict(conf or {}), "partition_key": partition_key}
        return str(self._ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def wait(
        self,
        dag_id: str,
        run_id: str,
        *,
        timeout_seconds: float,
        tell: Callable[[str], None] = lambda state: None,
    ) -> str:
        """
        Wait until the run is over; `tell` hears every change of its state. Returns "success" or "failed".

        Raises:
            AirflowApiError: it is not over in time.
        """
        deadline = time.monotonic() + timeout_seconds
        state = ""
        while state not in FINISHED:
            if time.monotonic() > deadline:
                raise AirflowApiError(
                    f"Waiting for run {run_id} of {dag_id}: still {state} after {timeout_seconds:.0f} s."
                    f" It goes on. Look at it in the UI: {self._settings.url}/dags/{dag_id}"
                )
            if state:
                time.sleep(POLL_SECONDS)
            before, state = state, self.run_state(dag_id, run_id)
            if state != before:
                tell(state)
        return state

    def backfill(
        self, dag_id: str, first: datetime, last: datetime, conf: Mapping[str, Any] | None = None
    ) -> int:
        """Create a backfill of every interval from `first` to `last`, done ones again; returns its id."""
        return int(self._ask("POST", "/api/v2/backfills", _window(dag_id, first, last, conf))["id"])

    def backfill_is_over(self, number: int) -> bool:
        """Airflow's scheduler looks at that twice a minute."""
        return self._ask("GET", f"/api/v2/backfills/{number}")["completed_at"] is not None

    def preview_backfill(self, dag_id: str, first: datetime, last: datetime) -> list[dict[str, Any]]:
        """The runs that such a backfill would make; none is made."""
        body = _window(dag_id, first, last, None)
        return list(self._ask("POST", "/api/v2/backfills/dry_run", body)["backfills"])

    def runs(self, dag_id: str, **filters: str | int) -> list[dict[str, Any]]:
        """Newest first."""
        query = {"order_by": "-run_after", "limit": 100, **filters}
        answer = self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns", query=query)
        return list(answer["dag_runs"])

    def return_value(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task handed back (its XCom `return_value`)."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        value = self._ask("GET", path, query={"deserialize": "true"})["value"]
        return json.loads(value) if isinstance(value, str) else value

    def questions(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """What the tasks of a run wait for somebody to answer: `subject`, `body` and the `task_id`."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/hitlDetails"
        found = self._ask("GET", path, query={"response_received": "false"})["hitl_details"]
        return [{**one, "task_id": one["task_instance"]["task_id"]} for one in found]

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str) -> None:
        """Answer for the user who is logged in: "Approve" or "Reject" where an approval is asked for."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        self._ask("PATCH", path, {"chosen_options": [option], "params_input": {}})

    def clear(self, dag_id: str, run_id: str) -> None:
        """Every task of a run is done again."""
        self._ask("POST", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/clear", {"dry_run": False})

    def _is_known(self, dag_id: str) -> bool:
        answer = self._send("GET", f"/api/v2/dags/{dag_id}")
        return answer.status_code != httpx.codes.NOT_FOUND

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Any:
        answer = self._send(method, path, body, query)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            # The token has run out.
            self._token = None
            answer = self._send(method, path, body, query)
        return self._checked(answer).json()

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> httpx.Response:
        self._token = self._token or self.log_in()
        headers = {"Authorization": f"Bearer {self._token}"}
        return self._request(method, path, json=body, params=query, headers=headers)

    def log_in(self) -> str:
        """A new token of the user, for whatever lies behind the login."""
        file = self._settings.credentials_file
        if file is None or not file.is_file():
            raise AirflowApiError(
                f"Logging in to {self._settings.url}: no credentials file at {file}."
                " Nothing was asked. `saleslake up` writes it; or set airflow.credentials_file."
            )
        credentials = json.loads(file.read_text(encoding="utf-8"))
        answer = self._checked(self._request("POST", "/auth/token", json=credentials))
        return str(answer.json()["access_token"])

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise AirflowApiError(
                f"Asking {self._settings.url}: {method} {path}: {error!r}."
                " It is not known whether it was done. See `saleslake status`."
            ) from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        # Never the request: it may hold the password.
        raise AirflowApiError(
            f"Asking {self._settings.url}: {answer.request.method} {answer.request.url.path}: answer"
            f" {answer.status_code}: {answer.text[:500]}. Nothing was done."
        )


def _window(dag_id: str, first: datetime, last: datetime, conf: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "dag_id": dag_id,
        "from_date": first.isoformat(),
        "to_date": last.isoformat(),
        "dag_run_conf": dict(conf or {}),
        "reprocess_behavior": "completed",
        "max_active_runs": 1,
    }
