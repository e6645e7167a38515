"""The one task of `maintain_lake`: from what Airflow knows about the run to the plan, its steps and back."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from include.errors import TableRequestRefused
from include.maintenance.run import maintain
from include.sales_hook import sales_connection
from include.settings import get_settings
from lake.tables import TABLES

log = logging.getLogger(__name__)


def maintain_for_run(run_id: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """
    Do what the run asks for; returns its summary for XCom.

    Raises:
        AirflowFailException: what was asked cannot be done; trying again would say the same.
        TableRequestFailed: worth trying again.
    """
    settings = get_settings()
    wanted = params.get("tables") or [table.full_name for table in TABLES]
    tables = [table for table in TABLES if table.full_name in wanted]
    try:
        summary = maintain(
            partial(sales_connection, "maintain_lake"),
            settings.lake.root,
            settings.maintenance,
            tables,
            today=datetime.now(UTC).date(),
            by=f"maintain_lake {run_id}",
            dry_run=bool(params.get("dry_run")),
        )
    except TableRequestRefused as error:
        raise AirflowFailException(str(error)) from error
    log.info("What became of it:\n%s", summary.as_markdown())
    return summary.as_xcom()
