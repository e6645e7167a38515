"""The one task of `supervise_streams`: `include/stream_watch.py` with what Airflow lends it."""

import logging

from include.process_manager import ProcessManager
from include.sales_hook import sales_connection
from include.settings import get_settings
from include.stream_watch import supervise

log = logging.getLogger(__name__)


def supervise_for_run(run_id: str) -> dict[str, str]:
    """Judge the stream, restart it if need be; returns what was seen and done, for XCom."""
    settings = get_settings().supervision
    manager = ProcessManager(settings.supervisor_socket, settings.program)
    with sales_connection("supervise_streams") as connection:
        watch = supervise(connection, manager, settings, run_id)
    log.info("%s", watch.as_markdown())
    watch.raise_for_refusal()
    return watch.as_xcom()
