"""Serves the writer's metrics on loopback, and reads the ledger for them from time to time."""

import logging
import threading
import time

from prometheus_client import start_http_server

from include.ledger import read_books
from include.metrics import StreamMetrics
from spark.streaming.database import Database

log = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"
AUDIT_SECONDS = 60.0
# Of a ledger of years the audit takes longer: it may cost the database one part in so many.
AUDIT_SHARE = 100


def serve_metrics(port: int | None, database: Database) -> StreamMetrics:
    """
    The metrics, served on `port` and kept true by a thread. Whatever fails here is logged and no more: the
    stream goes on without metrics.
    """
    metrics = StreamMetrics()
    if port is None:
        return metrics
    try:
        start_http_server(port, addr=LOOPBACK, registry=metrics.registry)
    except OSError as error:
        log.warning("no metrics on port %d (setting stream.metrics_port): %s", port, error)
    threading.Thread(target=_audit_for_ever, args=[metrics, database], name="audit", daemon=True).start()
    return metrics


def _audit_for_ever(metrics: StreamMetrics, database: Database) -> None:
    while True:
        began = time.monotonic()
        try:
            metrics.audited(database.run(read_books))
            pause = max(AUDIT_SECONDS, AUDIT_SHARE * (time.monotonic() - began))
        except Exception as error:
            log.warning("The ledger could not be read for the metrics: %s", str(error).strip() or repr(error))
            pause = AUDIT_SECONDS / 10
        time.sleep(pause)
