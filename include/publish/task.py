"""The one task of `publish_marts`: from what Airflow knows about the run to the publisher and back."""

import logging
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.errors import GateFailed, NothingToPublish, RequestRefused
from include.publish.request import request_of
from include.publish.run import publish
from include.sales_hook import sales_connection
from include.settings import get_settings

log = logging.getLogger(__name__)


def publish_for_run(
    *, run_id: str, run_type: str, partition_key: str | None, params: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Publish what the run asks for; returns its summary for XCom.

    Raises:
        AirflowSkipException: a scheduled run before the stream's very first batch. Whoever asks for a publish
            by hand at that time gets an error.
        AirflowFailException: a gate failed, or the request is refused. Trying again would only
            hold up the runs behind this one.
    """
    settings = get_settings()
    try:
        request = request_of(run_id=run_id, run_type=run_type, partition_key=partition_key, params=params)
        with sales_connection("publish_marts") as connection:
            summary = publish(connection, settings.lake.root, settings.publish, request)
        log.info("What became of it:\n%s", summary.as_text())
        summary.raise_for_failures()
    except (GateFailed, RequestRefused) as error:
        is_too_early = isinstance(error, NothingToPublish) and run_type == "scheduled"
        if is_too_early:
            # Airflow's own line about a skip does not say why.
            log.warning("Skipped: %s", error)
        raise (AirflowSkipException if is_too_early else AirflowFailException)(str(error)) from error
    return summary.as_xcom()
