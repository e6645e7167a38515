"""The one task of `replay_rejected`: from what Airflow knows about the run to the re-drive and back."""

import logging
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from include.errors import RedriveRefused
from include.redrive.request import request_of
from include.redrive.run import replay
from include.sales_hook import sales_connection
from include.settings import get_settings

log = logging.getLogger(__name__)


def replay_for_run(run_id: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """
    Send again what the run asks for; returns its summary for XCom.

    Raises:
        AirflowFailException: the request is refused; trying again would say the same.
        RedriveError: worth trying again.
    """
    settings = get_settings()
    try:
        request = request_of(run_id, params)
    except RedriveRefused as error:
        raise AirflowFailException(str(error)) from error
    with sales_connection("replay_rejected") as connection:
        summary = replay(connection, settings.kafka, settings.lake.root, request)
    log.info("What became of it:\n%s", summary.as_markdown())
    return summary.as_xcom()
