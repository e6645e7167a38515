"""The tasks of `rebuild_hours`: from what Airflow knows about the run to the Spark job, the swap and back."""

import logging
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.errors import RebuildRefused, TableRequestRefused
from include.publish.request import PARTITION_KEY_FORMAT as HOUR_FORMAT
from include.rebuild.record import conclude, read, undecided
from include.rebuild.request import YES, Window, window_of
from include.rebuild.swap import swap
from include.sales_hook import sales_connection
from include.settings import PROJECT_ROOT, get_settings, machine_variable
from include.spark_driver import driver_options
from lake.tables import shadow

log = logging.getLogger(__name__)
APPLICATION = str(PROJECT_ROOT / "spark" / "batch" / "rebuild_hours.py")
CONNECTING = partial(sales_connection, "rebuild_hours")
# An approval is waited for a week.
FORGOTTEN_AFTER = timedelta(days=9)


def plan_for_run(
    *, run_id: str, run_type: str, partition_key: str | None, params: Mapping[str, Any]
) -> dict[str, Any]:
    """
    What the Spark job is started with, for XCom.

    Raises:
        AirflowFailException: the run asks for hours that cannot be rebuilt.
    """
    try:
        window = window_of(
            run_id=run_id,
            run_type=run_type,
            partition_key=partition_key,
            params=params,
            now=datetime.now(UTC),
        )
    except RebuildRefused as error:
        raise AirflowFailException(str(error)) from error
    log.info("Rebuilding %s under shadow/%s", window, window.name)
    return {
        "name": window.name,
        "hours": str(window),
        "dry_run": window.dry_run,
        "application": APPLICATION,
        "arguments": _arguments(window, run_id),
        "conf": driver_options(get_settings().stream),
        "environment": _environment(),
    }


def _arguments(window: Window, run_id: str) -> list[str]:
    hours = [window.since.isoformat(), window.until.isoformat()]
    return [*hours, "--record", window.name, "--by", f"rebuild_hours {run_id}"]


def _environment() -> dict[str, str]:
    """spark-submit and the Python it starts are those of this environment."""
    bin_folder = Path(sys.executable).parent
    return {
        "PATH": f"{bin_folder}:{machine_variable('PATH') or ''}",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }


def compare_for_run(job: Mapping[str, Any]) -> dict[str, Any]:
    """
    What the Spark job found: `asks` says whether somebody must approve a swap.

    Raises:
        AirflowFailException: the rebuild contradicts the ledger: there is nothing that could be approved.
        RebuildFailed: the job has compared nothing.
    """
    with CONNECTING() as connection:
        rebuild = read(connection, job["name"])
        found = rebuild.compared
        if rebuild.state != "different" or job["dry_run"]:
            conclude(connection, rebuild.name, rebuild.state, None)
    summary = found.as_markdown()
    if job["dry_run"]:
        summary += "\n\nDry run: no table was touched, nobody is asked."
    log.info("What was compared:\n%s", summary)
    if found.against_ledger:
        raise AirflowFailException(
            f"Rebuilding hours {rebuild.since:%Y-%m-%dT%H:%MZ} to {rebuild.until:%Y-%m-%dT%H:%MZ}:"
            f" {found.headline()}. No table was changed, and there is nothing to approve: a swap must not"
            " change what the ledger has. Either bronze is damaged, or rules or settings changed since:"
            " docs/runbooks/rebuild_hours.md, 'The rebuild contradicts the ledger'."
        )
    return {
        "summary": summary,
        "state": rebuild.state,
        "hours": [f"{one.hour:{HOUR_FORMAT}}" for one in found.differences],
        "asks": rebuild.state == "different" and not job["dry_run"],
    }


def swap_for_run(job: Mapping[str, Any], approval: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """
    Swap what was approved; returns the hours, and why they are published again.

    Raises:
        AirflowSkipException: it was declined; that is put down.
        AirflowFailException: the lake is no longer what was compared.
        RebuildFailed: worth trying again.
    """
    by = approver(approval)
    with CONNECTING() as connection:
        rebuild = read(connection, job["name"])
        if YES not in approval["chosen_options"]:
            conclude(connection, rebuild.name, "declined", by)
            log.info("Declined by %s: no table was changed.", by)
            raise AirflowSkipException(f"declined by {by}")
    try:
        swapped = swap(
            CONNECTING, rebuild, by=f"rebuild_hours {run_id}",
            hour_seconds=get_settings().maintenance.step_timeout_seconds,
        )  # fmt: skip
    except (RebuildRefused, TableRequestRefused) as error:
        raise AirflowFailException(str(error)) from error
    with CONNECTING() as connection:
        conclude(connection, rebuild.name, "swapped", by)
    return {
        "hours": [f"{one.hour:{HOUR_FORMAT}}" for one in swapped],
        "reason": f"rebuilt from bronze, approved by {by}, run {run_id}",
    }


def clean_up_after_run(job: Mapping[str, Any]) -> None:
    """
    Remove the side tables, but for those of a swap that failed: cleared, it goes on with them. What nobody
    has touched for longer than an approval is waited for goes, too. Twice is once.
    """
    lake_root = get_settings().lake.root
    own = shadow(lake_root, job["name"])
    with CONNECTING() as connection:
        is_needed = job["name"] in undecided(connection)
    if is_needed:
        log.info("%s stays: what differs is not swapped, and nobody said no.", own)
    else:
        shutil.rmtree(own, ignore_errors=True)
    for folder in shadow(lake_root, "").glob("hours-*"):
        with suppress(FileNotFoundError):  # another run clears up, too
            if time.time() - folder.stat().st_mtime > FORGOTTEN_AFTER.total_seconds():
                log.info("%s is removed: nobody has touched it for %s.", folder, FORGOTTEN_AFTER)
                shutil.rmtree(folder, ignore_errors=True)


def approver(approval: Mapping[str, Any]) -> str:
    """Nobody has a name when the time to answer is over."""
    user = approval.get("responded_by_user") or {}
    return str(user.get("name") or "nobody, the time to answer is over")
