"""The one task of `publish_marts` and `publish_closed_hours`: from Airflow's run to the publisher."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.errors import GateFailed, NothingToPublish, RequestRefused
from include.hour_closings import say_closings
from include.publish.request import PARTITION_KEY_FORMAT, request_of
from include.publish.run import publish
from include.quality.task import keep_pages
from include.sales_hook import sales_connection
from include.settings import get_settings

if TYPE_CHECKING:
    from include.quality.audit import Audit

log = logging.getLogger(__name__)


def closings_for_run() -> list[str]:
    """
    The hours that have closed since somebody last looked, by their partition's name.

    Raises:
        AirflowSkipException: there are none, or the stream has not closed a batch yet.
    """
    settings = get_settings().publish
    try:
        with sales_connection("close_hours") as connection:
            closings = say_closings(connection, settings)
    except NothingToPublish as error:
        log.warning("Skipped: %s", error)
        raise AirflowSkipException(str(error)) from error
    if not closings:
        raise AirflowSkipException(
            "No hour has closed, and none that was closed has changed, since the last look."
        )
    log.info("Complete now:\n%s", "\n".join(map(str, closings)))
    return [f"{closing.hour:{PARTITION_KEY_FORMAT}}" for closing in closings]


def has_changed_marts(run_id: str) -> bool:
    """Whether a version of an hour is by this run."""
    query = "select exists (select from marts.publications where run_id = %s)"
    with sales_connection("publish_marts") as connection:
        row = connection.execute(query, [run_id]).fetchone()
    return bool(row and row[0])


def publish_for_run(
    *, dag_id: str, run_id: str, run_type: str, partition_key: str | None, params: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Publish what the run asks for; returns its summary for XCom. The pages of its gates are `dag_id`'s.

    Raises:
        AirflowSkipException: a scheduled run before the stream's very first batch. Whoever asks for a publish
            by hand at that time gets an error.
        AirflowFailException: a gate failed, or the request is refused. Trying again would only
            hold up the runs behind this one.
    """
    settings = get_settings()
    audits: list[Audit] = []
    try:
        request = request_of(run_id=run_id, run_type=run_type, partition_key=partition_key, params=params)
        with sales_connection("publish_marts") as connection:
            summary = publish(connection, settings.lake.root, settings.publish, request, audits.append)
        log.info("What became of it:\n%s", summary.as_text())
        summary.raise_for_failures()
    except (GateFailed, RequestRefused) as error:
        is_too_early = isinstance(error, NothingToPublish) and run_type == "scheduled"
        if is_too_early:
            # Airflow's own line about a skip does not say why.
            log.warning("Skipped: %s", error)
        raise (AirflowSkipException if is_too_early else AirflowFailException)(str(error)) from error
    finally:
        for audit in audits:
            keep_pages(settings, dag_id, run_id, audit.pages)
    return summary.as_xcom()
