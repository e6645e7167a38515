"""The one task of `supervise_streams`: `include/stream_watch.py` with what Airflow lends it."""

import logging
from functools import partial
from typing import Any

import psycopg

from include.alerts import tell_due
from include.sales_hook import sales_connection
from include.settings import Settings, get_settings
from include.stream_audit import read_audit
from include.stream_incidents import record
from include.stream_runtime import StreamRuntime, runtime_of
from include.stream_watch import supervise
from include.watch import Watch

log = logging.getLogger(__name__)


def supervise_for_run(run_id: str) -> dict[str, Any]:
    """
    Judge the stream, restart it if need be, tell of its incidents; returns what was seen and done, for XCom.

    Raises:
        NeedsAPerson: what was found is for a person. Its incident is open, and somebody was told.
    """
    settings = get_settings()
    runtime = runtime_of(settings.supervision)
    with sales_connection("supervise_streams") as connection:
        watch = look_and_tell(connection, runtime, settings, run_id)
    log.log(logging.INFO if watch.verdict.severity == "ok" else logging.WARNING, "%s", watch.as_markdown())
    watch.raise_for_critical()
    return watch.as_xcom()


def look_and_tell(
    connection: psycopg.Connection, runtime: StreamRuntime, settings: Settings, run_id: str
) -> Watch:
    audit = partial(read_audit, lake_root=settings.lake.root, settings=settings.supervision)
    watch = supervise(connection, runtime, settings.supervision, run_id, audit)
    record(connection, watch, settings.alerts)
    tell_due(connection, settings.alerts)
    return watch
