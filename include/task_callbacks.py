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
    _failed(context, kind_of(context["ti"].task_id, context["ti"].map_index))


def task_failed_for_partition(context: Mapping[str, Any]) -> None:
    """The same, in a DAG whose later runs are about other days or hours: an incident for each."""
    instance = context["ti"]
    _failed(context, kind_of(instance.task_id, instance.map_index, _partition(context)))


def _failed(context: Mapping[str, Any], kind: str) -> None:
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
    found = Finding(kind, "critical", summary, runbook, details)
    _settle(instance.dag_id, found=[found], over=[])


def task_succeeded(context: Mapping[str, Any], *, is_the_work: bool = True) -> None:
    """
    What had failed is over, and so is a deadline that had passed.

    Args:
        is_the_work: what the deadline is about, not a task that comes after it in any case.
    """
    instance = context["ti"]
    own = kind_of(instance.task_id, instance.map_index)
    _settle(instance.dag_id, found=[], over=[own, DEADLINE] if is_the_work else [own])


def task_succeeded_for_partition(context: Mapping[str, Any], also: Iterable[str] = ()) -> None:
    """
    What had failed for the partition is over.

    Args:
        also: tasks behind this one that have nothing to make good any more.
    """
    instance, partition = context["ti"], _partition(context)
    own = kind_of(instance.task_id, instance.map_index, partition)
    others = [kind_of(task_id, partition=partition) for task_id in also]
    _settle(instance.dag_id, found=[], over=[own, *others])


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


def kind_of(task_id: str, map_index: int = -1, partition: str | None = None) -> str:
    mapped = f"[{map_index}]" if map_index >= 0 else ""
    return f"task_failed:{task_id}{mapped}{f' of {partition}' if partition else ''}"


def _partition(context: Mapping[str, Any]) -> str | None:
    return context["dag_run"].partition_key


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
