"""Serves the writer's metrics on loopback, and reads ledger and tables for them from time to time."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy.typing as npt
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from prometheus_client import start_http_server

from include.ledger import read_books
from include.metrics import BatchFigures, StreamMetrics, TableSize
from lake.reading import delta_table
from lake.tables import TABLES
from spark.streaming.closing import ClosedBatch
from spark.streaming.database import Database

log = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"
INSIDE_CLOSE = ("live", "ledger")  # steps of the transaction that closes a batch
REQUEST_STATES = ("waiting", "running", "done", "failed")
AUDIT_SECONDS = 60.0
# Of a ledger of years the audit takes longer: it may cost the database one part in so many.
AUDIT_SHARE = 100


def figures_of(batch: ClosedBatch, *, close_seconds: float, is_new: bool) -> BatchFigures:
    """
    What the metrics get of a batch that was closed just now.

    Args:
        close_seconds: of its transaction in PostgreSQL, waiting for the database included.
        is_new: False: it had been closed before, and its records have counted since then.
    """
    seconds = batch.seconds + close_seconds
    if not is_new:
        return BatchFigures(seconds)
    latencies: npt.ArrayLike = ()
    if batch.arrived_at is not None:
        arrived = batch.arrived_at.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
        latencies = time.time() - arrived / 1e6
    steps = {step: took for step, took in batch.steps.items() if step not in INSIDE_CLOSE}
    return BatchFigures(
        seconds, {**steps, "close": close_seconds}, latencies, batch.rejected, batch.late_rows
    )


def serve_metrics(port: int | None, database: Database, root: Path) -> StreamMetrics:
    """
    The metrics, served on `port` and kept true by a thread. Whatever fails here is logged and no more: the
    stream goes on without metrics.

    Args:
        root: of the lake whose tables are measured.
    """
    metrics = StreamMetrics()
    if port is None:
        return metrics
    try:
        start_http_server(port, addr=LOOPBACK, registry=metrics.registry)
    except OSError as error:
        log.warning("no metrics on port %d (setting stream.metrics_port): %s", port, error)
    threading.Thread(
        target=_audit_for_ever, args=[metrics, database, root], name="audit", daemon=True
    ).start()
    return metrics


def table_sizes(root: Path) -> dict[str, TableSize]:
    """Of every table that is there, by name."""
    sizes = {}
    for table in TABLES:
        if DeltaTable.is_deltatable(str(table.path(root))):
            files = pa.table(delta_table(table, root).get_add_actions(flatten=True))["size_bytes"]
            sizes[table.full_name] = TableSize(len(files), pc.sum(files).as_py() or 0)
    return sizes


def table_requests(connection: psycopg.Connection) -> dict[str, int]:
    """How many there are in each state, also in those that none is in."""
    query = "select state, count(*) from ops.table_requests group by state"
    return dict.fromkeys(REQUEST_STATES, 0) | dict(connection.execute(query).fetchall())


def _audit_for_ever(metrics: StreamMetrics, database: Database, root: Path) -> None:
    books_due = 0.0
    while True:
        began = time.monotonic()
        if began >= books_due:
            is_read = _tried("ledger", lambda: metrics.audited(database.run(read_books)))
            took = time.monotonic() - began
            # What took too long is not asked for again at once, either.
            pause = max(AUDIT_SECONDS, AUDIT_SHARE * took) if is_read else max(AUDIT_SECONDS / 10, 10 * took)
            books_due = began + pause
        _tried("tables", lambda: metrics.measured(table_sizes(root), database.run(table_requests)))
        time.sleep(min(AUDIT_SECONDS, max(1.0, books_due - time.monotonic())))


def _tried(what: str, work: Callable[[], None]) -> bool:
    try:
        work()
    except Exception as error:
        log.warning("The %s could not be read for the metrics: %s", what, str(error).strip() or repr(error))
        return False
    return True
