"""The tasks of `maintain_lake`: from what Airflow knows about the run to the plan, its steps and back."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from include.errors import TableRequestRefused
from include.maintenance.page import Page, summary
from include.maintenance.run import delete_unneeded, maintain, make_plan
from include.maintenance.waste import waste_in
from include.sales_hook import sales_connection
from include.settings import get_settings
from lake.tables import TABLES, Table

log = logging.getLogger(__name__)
CONNECTING = partial(sales_connection, "maintain_lake")
Xcom = dict[str, Any]


def plan_for_run(params: Mapping[str, Any], *, may_delete: bool) -> Xcom:
    """
    All that could be done, and what comes after compacting. Touches nothing.

    Raises:
        AirflowFailException: a table is set up so that files would be deleted too early.
    """
    settings = get_settings()
    tables, root, policy = _wanted(params), settings.lake.root, settings.maintenance
    try:
        page = Page(
            make_plan(root, policy, tables, today=_today()),
            waste_in(tables, root),
            policy,
            bool(params.get("dry_run")),
            may_delete,
        )
    except TableRequestRefused as error:
        raise AirflowFailException(str(error)) from error
    log.info("The plan:\n%s", page.as_markdown())
    return page.as_xcom()


def compact_for_run(run_id: str, params: Mapping[str, Any]) -> Xcom:
    """
    Compact what is to be compacted by now; returns a summary for XCom.

    Raises:
        AirflowFailException: what was asked cannot be done; trying again would say the same.
        TableRequestFailed: worth trying again.
    """
    settings = get_settings()
    try:
        done = maintain(
            CONNECTING,
            settings.lake.root,
            settings.maintenance,
            _wanted(params),
            today=_today(),
            by=f"maintain_lake {run_id}",
            dry_run=bool(params.get("dry_run")),
        )
    except TableRequestRefused as error:
        raise AirflowFailException(str(error)) from error
    log.info("What became of it:\n%s", done.as_markdown())
    return done.as_xcom()


def delete_for_run(run_id: str, plan: Xcom) -> Xcom:
    """
    VACUUM the tables of the plan.

    Raises:
        TableRequestFailed: worth trying again: a reader is through in a while.
    """
    tables = [table for table in TABLES if table.full_name in plan["vacuum"]]
    policy = get_settings().maintenance
    done = delete_unneeded(CONNECTING, policy, tables, by=f"maintain_lake {run_id}")
    return {name: dict(result) for name, result in done.items()}


def summarize_run(plan: Xcom, compacted: Xcom, deleted: Xcom | None) -> Xcom:
    """All that was planned, done and left, as one page."""
    page = summary(plan, compacted, deleted)
    log.info("What became of it:\n%s", page)
    return {"summary": page, "deleted": deleted or {}}


def _wanted(params: Mapping[str, Any]) -> list[Table]:
    wanted = params.get("tables") or [table.full_name for table in TABLES]
    return [table for table in TABLES if table.full_name in wanted]


def _today() -> Any:
    return datetime.now(UTC).date()
