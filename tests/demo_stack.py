"""The command line of a whole stack of the tests' own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any, LiteralString

from psycopg.rows import dict_row

from include.airflow_api import FINISHED, AirflowApi
from include.sales_db import connect
from include.settings import PROJECT_ROOT, AirflowSettings, PostgresSettings
from stack.layout import RunFolder
from stack.processes import wait_until

SECONDS_TO_READ = 8.0


class Stack:
    """The command line, on a run folder of the test's own."""

    def __init__(self, root: Path) -> None:
        self.folder = RunFolder(root)

    def call(self, *words: str, seconds: float = 300) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "stack.cli", "--run-dir", str(self.folder.root), *words]
        return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=seconds)

    def succeed(self, *words: str, seconds: float = 300) -> str:
        done = self.call(*words, seconds=seconds)
        assert done.returncode == 0, (
            f"saleslake {' '.join(words)}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        return done.stdout

    def status(self) -> dict[str, Any]:
        return json.loads(self.succeed("status", "--json"))

    def rejected(self, since: str) -> dict[str, Any]:
        return json.loads(
            self.succeed("rejected", "--json", "--reason", "not_json", "--from", since, "--samples", "999")
        )

    def pid_of(self, part: str) -> int:
        return int(next(one["pid"] for one in self.status()["parts"] if one["name"] == part))

    def airflow(self) -> AirflowApi:
        said = self.status()["airflow"]
        return AirflowApi(AirflowSettings(url=said["url"], credentials_file=said["credentials_file"]))

    @cached_property
    def _postgres(self) -> PostgresSettings:
        said = self.status()["postgres"]
        return PostgresSettings(
            host=said["host"], port=said["port"], database=said["database"], passfile=Path(said["passfile"])
        )

    def rows(self, query: LiteralString, binds: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """What the stack's database `sales` answers."""
        with closing(connect(self._postgres, application_name="test", autocommit=True)) as connection:
            return connection.cursor(row_factory=dict_row).execute(query, binds).fetchall()


class Answers:
    """
    Gives one answer to whatever a run asks, as somebody would: a while after it was asked.

    Answered at once, before its scheduler knows that the task waits, Airflow takes the task for killed and
    asks again, and after three retries the task has failed.
    """

    def __init__(self, airflow: AirflowApi, dag_id: str, run_id: str, option: str = "Approve") -> None:
        self.asked: list[dict[str, Any]] = []
        self._airflow, self._run, self._option = airflow, (dag_id, run_id), option
        self._waits_since: dict[str, float] = {}

    def is_over(self) -> bool:
        """Answer what is to be answered; has the run ended?"""
        for question in self._airflow.questions(*self._run):
            if question["task_instance"]["state"] != "awaiting_input":
                continue
            since = self._waits_since.setdefault(question["task_instance"]["id"], monotonic())
            if monotonic() - since >= SECONDS_TO_READ:
                self._airflow.answer(*self._run, question["task_id"], self._option)
                self.asked.append(question)
        return self._airflow.run_state(*self._run) in FINISHED

    def give(self, *, seconds: float) -> list[dict[str, Any]]:
        """Until the run has ended well; returns what it asked."""
        wait_until(self.is_over, seconds=seconds, what=f"the end of {' '.join(self._run)}", interval=1)
        assert self._airflow.run_state(*self._run) == "success"
        return self.asked
