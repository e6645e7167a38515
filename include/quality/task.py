"""The one task of `check_quality`, and what publish_marts shares with it: the pages of a run."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.data_docs_link import pages_name
from include.errors import GateFailed, NothingToPublish, RequestRefused
from include.publish.request import hour_of
from include.sales_hook import sales_connection
from include.settings import Settings, get_settings

if TYPE_CHECKING:
    from include.quality.audit import Page

log = logging.getLogger(__name__)


def check_for_run(
    *, run_id: str, run_type: str, partition_key: str | None, params: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Check the hours that the run asks for; returns what was found for XCom.

    Raises:
        AirflowSkipException: a scheduled run before the stream's very first batch.
        AirflowFailException: a table is not as it should be. Trying again would say the same.
    """
    from include.quality.check import check

    settings = get_settings()
    named = [name for name in params.get("hours") or () if name.strip()]
    try:
        hours = [hour_of(name) for name in named or filter(None, [partition_key])]
        with sales_connection("check_quality") as connection:
            report = check(connection, settings.lake.root, hours, run_id, settings.publish.grace_minutes)
        keep_pages(settings, "check_quality", run_id, report.pages)
        log.info("What was found:\n%s", report.as_markdown())
        report.raise_for_failures()
    except (GateFailed, RequestRefused) as error:
        is_too_early = isinstance(error, NothingToPublish) and run_type == "scheduled"
        if is_too_early:
            log.warning("Skipped: %s", error)
        raise (AirflowSkipException if is_too_early else AirflowFailException)(str(error)) from error
    return report.as_xcom()


def keep_pages(settings: Settings, dag_id: str, run_id: str, pages: Sequence["Page"]) -> None:
    """Make the run's Data Docs. They are no gate: a disk that is full of them stops no publish."""
    from include.quality.data_docs import build

    try:
        folder = build(
            settings.data_docs, pages_name(dag_id, run_id), pages, kept_runs=settings.quality.kept_runs
        )
        log.info("Data Docs: %s", folder)
    except Exception:
        log.exception(
            "Making the Data Docs of %s %s. What was found is in ops.quality_results.", dag_id, run_id
        )
