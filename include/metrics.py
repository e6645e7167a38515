"""
The metrics of the lake writer: every name, label and unit declared once.

What the ledger counts starts from the ledger, not from zero, so that a restart neither forgets nor repeats;
all else counts from the start of the process, as Prometheus expects it. No label holds an order id, a
customer or an e-mail: their values are those of closed lists.
"""

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from include.ledger import DISPOSITIONS, Books, LedgerLine

BATCH_SECONDS = (0.5, 1, 2, 3, 5, 8, 13, 21, 34, 60, 120, 240)
STEP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LATENCY_SECONDS = (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 30, 60, 120, 300, 900, 3_600)
# What quarantined records claim may be negative: no counter.
COUNTED_CENTS = ("silver", "duplicate")
# More batches than are closed while the ledger is read.
MAX_RECENT = 1_000
NOBODY_KNOWS = float("nan")


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """What a batch that was closed tells beside its ledger. Records count once, whatever becomes of them."""

    seconds: float  # from its plan to its ledger row
    steps: Mapping[str, float] = field(default_factory=dict)  # seconds of each, by name
    latencies: npt.ArrayLike = ()  # seconds from its arrival in Kafka to now, of every record
    rejected: Mapping[str, int] = field(default_factory=dict)  # records by reason; one may have several
    late_rows: int = 0  # of silver


class TableSize(NamedTuple):
    """What the newest version of a table refers to."""

    files: int
    bytes: int


class StreamMetrics(Collector):
    """What the writer has done, for Prometheus. Every method is quick and may be called by any thread."""

    def __init__(self) -> None:
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self._lock = Lock()
        self._books: Books | None = None
        # Batches that were closed while the books were asked for may or may not be in the answer.
        self._recent: deque[tuple[Sequence[LedgerLine], datetime]] = deque(maxlen=MAX_RECENT)
        self._latencies = np.zeros(len(LATENCY_SECONDS) + 1, np.int64)
        self._latency_sum = 0.0
        self._rejected: Counter[str] = Counter()
        self._late_rows = 0
        self._read_up_to = 0.0
        self._seconds = Histogram(
            "saleslake_batch_duration_seconds",
            "From the plan of a batch to its ledger row.",
            buckets=BATCH_SECONDS,
            registry=self.registry,
        )
        self._steps = Histogram(
            "saleslake_batch_step_duration_seconds",
            "Of a batch each step: judging its records, index, each table's write, reading back, closing.",
            ["step"],
            buckets=STEP_SECONDS,
            registry=self.registry,
        )
        self._lag = self._gauge("saleslake_lag_records", "Records in Kafka that no closed batch has.")
        self._lag.set(NOBODY_KNOWS)
        self._partition_lag = self._gauge(
            "saleslake_partition_lag_records", "The same by partition of the topic.", "partition"
        )
        self._watermark = self._gauge(
            "saleslake_watermark_timestamp_seconds", "Everything that Kafka had by then is in the lake."
        )
        self._watermark.set(NOBODY_KNOWS)
        self._heartbeat = self._gauge("saleslake_heartbeat_timestamp_seconds", "When the writer last beat.")
        # A writer that never beats must be found, and one that has just begun must not.
        self._heartbeat.set(time.time())
        self._files = self._gauge("saleslake_table_files", "Files of a table's newest version.", "table")
        self._bytes = self._gauge("saleslake_table_bytes", "Bytes of these files.", "table")
        self._requests = self._gauge(
            "saleslake_table_requests", "Requests that were made of the writer, by their state.", "state"
        )
        self.registry.register(self)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self.registry)

    def batch_closed(self, ledger: Sequence[LedgerLine], figures: BatchFigures) -> None:
        self._seconds.observe(figures.seconds)
        for step, seconds in figures.steps.items():
            self._steps.labels(step).observe(seconds)
        ages = np.asarray(figures.latencies, np.float64)
        # A bucket takes in its upper bound.
        counts = np.bincount(np.searchsorted(LATENCY_SECONDS, ages), minlength=len(self._latencies))
        closed_at = datetime.now(UTC)
        with self._lock:
            self._latencies += counts
            self._latency_sum += float(ages.sum())
            self._rejected.update(figures.rejected)
            self._late_rows += figures.late_rows
            self._recent.append((ledger, closed_at))
            if self._books is not None:
                self._books = self._books.plus(ledger, closed_at)

    def audited(self, books: Books) -> None:
        """The ledger as it was read: it replaces what was reckoned, and later batches are put on top."""
        with self._lock:
            for rows, closed_at in self._recent:
                books = books.plus(rows, closed_at)
            self._books = books

    def measured(self, tables: Mapping[str, TableSize], requests: Mapping[str, int]) -> None:
        """How large the tables are, and how many table requests are in which state."""
        for name, size in tables.items():
            self._files.labels(name).set(size.files)
            self._bytes.labels(name).set(size.bytes)
        for state, count in requests.items():
            self._requests.labels(state).set(count)

    def beaten(self, lag: Mapping[int, int] | None, as_of: datetime | None = None) -> None:
        """
        Args:
            lag: records by partition; None: Kafka does not say.
            as_of: everything Kafka had by then is in the lake, if that is known.
        """
        self._heartbeat.set(time.time())
        self._lag.set(NOBODY_KNOWS if lag is None else sum(lag.values()))
        if lag is None:
            self._partition_lag.clear()
        for partition, records in (lag or {}).items():
            self._partition_lag.labels(str(partition)).set(records)
        if as_of is not None:
            self.read_up_to(as_of)

    def read_up_to(self, as_of: datetime) -> None:
        """Everything Kafka had by then is in the lake. Batches and heartbeats tell it: the latest counts."""
        with self._lock:
            self._read_up_to = max(self._read_up_to, as_of.timestamp())
            self._watermark.set(self._read_up_to)

    def describe(self) -> list[Metric]:
        """None in advance: the registry would collect to find out."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What batches told; the books only once the ledger was read: absent is better than a wrong 0."""
        with self._lock:
            books, latencies, latency_sum = self._books, self._latencies.cumsum(), self._latency_sum
            rejected, late_rows = dict(self._rejected), self._late_rows
        bounds = [*map(str, map(float, LATENCY_SECONDS)), "+Inf"]
        yield HistogramMetricFamily(
            "saleslake_arrival_to_live_seconds",
            "From a record's arrival in Kafka to the moment when it counts in PostgreSQL.",
            buckets=list(zip(bounds, latencies.tolist(), strict=True)),
            sum_value=latency_sum,
        )
        reasons = CounterMetricFamily(
            "saleslake_rejected_reasons", "Reasons why records were rejected; a record may have several.",
            labels=["reason"],
        )  # fmt: skip
        for reason, count in sorted(rejected.items()):
            reasons.add_metric([reason], count)
        yield reasons
        yield CounterMetricFamily("saleslake_late_rows", "Accepted orders that came late.", late_rows)
        if books is not None:
            yield from _counters(books)
            yield from _gauges(books)


def _counters(books: Books) -> Iterator[Metric]:
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


def _gauges(books: Books) -> Iterator[Metric]:
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
