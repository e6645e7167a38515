"""
What Airflow calls when a task has failed for good, when one succeeds and when a deadline has passed: each
opens or closes incidents, like a look at the stream does.

Plain functions, because Airflow imports this file whenever it parses a DAG. A callback that cannot do its
work says so in the log and no more: the task is as red, or as green, without it.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.incidents import Finding

log = logging.getLogger(__name__)

DEADLINE = "deadline"
UNKNOWN_ERROR = "it left no error: it was killed, or its worker gave no sign of life"


def task_failed(context: Mapping[str, Any]) -> None:
    """The task has used up its retries: its incident is open, and the log ends with the page that helps."""
    from include.errors import NeedsAPerson
    from include.incidents import Finding

    instance, error = context["ti"], context.get("exception")
    runbook = runbook_of(instance.dag_id)
    log.error("Task %s of %s has failed. What to do: %s", instance.task_id, instance.dag_id, runbook)
    if isinstance(error, NeedsAPerson):
        return
    said = (str(error).strip() or type(error).__name__) if error else UNKNOWN_ERROR
    summary = f"Task {instance.task_id} failed: {said}"
    details = {"run_id": instance.run_id, "try": instance.try_number, "log": instance.log_url}
    found = Finding(kind_of(instance), "critical", summary, runbook, details)
    _settle(instance.dag_id, found=[found], over=[])


def task_succeeded(context: Mapping[str, Any]) -> None:
    """What had failed is over, and so is a deadline that had passed."""
    instance = context["ti"]
    _settle(instance.dag_id, found=[], over=[kind_of(instance), DEADLINE])


async def deadline_missed(context: Mapping[str, Any], within_minutes: float) -> None:
    """A scheduled run was not done in time. Runs in the triggerer, which must not wait for a database."""
    from include.incidents import Finding

    run = context["dag_run"]
    summary = (
        f"Run {run['dag_run_id']}, due at {run['run_after']}, was not done within {within_minutes:g} minutes;"
        f" it is {run['state']}."
    )
    details = {"run_id": run["dag_run_id"], "deadline": str(context["deadline"]["deadline_time"])}
    found = Finding(DEADLINE, "critical", summary, runbook_of(run["dag_id"]), details)
    await asyncio.to_thread(_settle, run["dag_id"], found=[found], over=[])


def runbook_of(dag_id: str) -> str:
    return f"docs/runbooks/{dag_id}.md"


def kind_of(instance: Any) -> str:
    mapped = f"[{instance.map_index}]" if instance.map_index >= 0 else ""
    return f"task_failed:{instance.task_id}{mapped}"


def _settle(dag_id: str, *, found: "Iterable[Finding]", over: Iterable[str]) -> None:
    from contextlib import closing

    from include.alerts import tell_due
    from include.incidents import close_over, open_or_update
    from include.sales_db import connect
    from include.settings import get_settings

    settings = get_settings()
    try:
        with closing(connect(settings.postgres, application_name=dag_id, autocommit=True)) as connection:
            open_or_update(connection, dag_id, found)
            close_over(connection, dag_id, over, calm=0)
            tell_due(connection, settings.alerts)
    except Exception as error:
        log.warning("The incidents of %s could not be kept: %s", dag_id, str(error).strip() or repr(error))
