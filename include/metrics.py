"""
The metrics of the lake writer: every name, label and unit declared once.

Counters start from the ledger, not from zero, so that a restart neither forgets nor repeats. No label holds
an order id, a customer or an e-mail.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from threading import Lock

from prometheus_client import CollectorRegistry, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from include.ledger import DISPOSITIONS, Books, LedgerLine

BATCH_SECONDS = (0.5, 1, 2, 3, 5, 8, 13, 21, 34, 60, 120, 240)
# What quarantined records claim may be negative: no counter.
COUNTED_CENTS = ("silver", "duplicate")
# More batches than are closed while the ledger is read.
MAX_RECENT = 1_000


class StreamMetrics(Collector):
    """What the writer has done, for Prometheus. Every method is quick and may be called by any thread."""

    def __init__(self) -> None:
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self._lock = Lock()
        self._books: Books | None = None
        # Batches that were closed while the books were asked for may or may not be in the answer.
        self._recent: deque[tuple[Sequence[LedgerLine], datetime]] = deque(maxlen=MAX_RECENT)
        self._seconds = Histogram(
            "saleslake_batch_duration_seconds",
            "From the plan of a batch to its ledger row.",
            buckets=BATCH_SECONDS,
            registry=self.registry,
        )
        self._lag = Gauge(
            "saleslake_lag_records", "Records in Kafka that no closed batch has.", registry=self.registry
        )
        self._lag.set(float("nan"))
        self._heartbeat = Gauge(
            "saleslake_heartbeat_timestamp_seconds", "When the writer last beat.", registry=self.registry
        )
        self.registry.register(self)

    def batch_closed(self, ledger: Sequence[LedgerLine], seconds: float) -> None:
        self._seconds.observe(seconds)
        closed_at = datetime.now(UTC)
        with self._lock:
            self._recent.append((ledger, closed_at))
            if self._books is not None:
                self._books = self._books.plus(ledger, closed_at)

    def audited(self, books: Books) -> None:
        """The ledger as it was read: it replaces what was reckoned, and later batches are put on top."""
        with self._lock:
            for rows, closed_at in self._recent:
                books = books.plus(rows, closed_at)
            self._books = books

    def beaten(self, lag_records: int | None) -> None:
        self._heartbeat.set(time.time())
        self._lag.set(float("nan") if lag_records is None else lag_records)

    def describe(self) -> list[Metric]:
        """None in advance: the registry would collect to find out."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The books. None before the ledger was read: absent is better than a wrong 0."""
        with self._lock:
            books = self._books
        if books is None:
            return
        rows = CounterMetricFamily(
            "saleslake_ledger_rows", "Records by what became of them.", labels=["disposition"]
        )
        for disposition in DISPOSITIONS:
            rows.add_metric([disposition], getattr(books.totals, f"{disposition}_rows"))
        cents = CounterMetricFamily(
            "saleslake_ledger_cents", "Cents by what became of their record.", labels=["disposition"]
        )
        for disposition in COUNTED_CENTS:
            cents.add_metric([disposition], getattr(books.totals, f"{disposition}_cents"))
        yield from (rows, cents)
        yield CounterMetricFamily(
            "saleslake_ledger_read_rows", "Records read from Kafka.", books.totals.read_rows
        )
        yield from self._gauges(books)

    def _gauges(self, books: Books) -> Iterator[Metric]:
        gauges: dict[str, tuple[str, float]] = {
            "saleslake_quarantined_claim_cents": (
                "Cents that quarantined records claim; may be negative.",
                books.totals.quarantined_cents,
            ),
            "saleslake_records_unaccounted": (
                "Records without a place, and offsets skipped or read twice between batches. 0, or wrong.",
                books.records_unaccounted,
            ),
            "saleslake_cents_unaccounted": (
                "Cents read less cents in silver, duplicate and quarantined. 0, or wrong.",
                books.totals.unplaced_cents,
            ),
            "saleslake_last_batch_id": ("The last closed batch; -1 before the first.", books.batch_id),
        }
        if books.closed_at:
            closed = ("When the last batch was closed.", books.closed_at.timestamp())
            gauges["saleslake_last_batch_timestamp_seconds"] = closed
        for name, (what, value) in gauges.items():
            yield GaugeMetricFamily(name, what, value)
