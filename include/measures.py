"""
How well a stream that moves does it: measures against their thresholds. Pure: facts in, table out.

Whatever is said here, nothing is restarted for it: a restart makes a slow stream slower, and heals no
producer.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from include.settings import SupervisionSettings
from include.severity import Reason, Severity
from include.stream_runtime import Process
from include.supervision import History, Progress, Verdict, age, batch_age, has_work

MB = 1024 * 1024
# One long batch is no news.
MIN_BATCHES = 3


class Flow(NamedTuple):
    """How the stream moved lately: a row of include/sql/stream_flow.sql."""

    covered_seconds: float  # of the window, by samples
    lag_per_second: float | None  # below 0: it falls
    read_per_second: float
    window_rows: int  # read in the quarantine's window
    window_quarantined: int
    batches: int
    batch_seconds: float | None  # on average
    newest_event: datetime | None  # the minute of the newest accepted order, by its own time


class OrderIndexSize(NamedTuple):
    """The look-up of accepted orders. `size_bytes` is None where its disk is not in sight."""

    entries: int
    size_bytes: int | None


class LedgerAudit(NamedTuple):
    """What came of adding up the whole ledger. None: it took longer than it may."""

    began_at: datetime
    balances: bool | None
    read_rows: int | None
    records_unaccounted: int | None
    cents_unaccounted: int | None
    holes: int | None


class Audit(NamedTuple):
    """What is too dear for a look every few seconds."""

    ledger: LedgerAudit
    order_index: OrderIndexSize


class Measure(NamedTuple):
    """One row of the table. `severity` None: not looked at, or not known. `kind` None: shown only."""

    name: str
    value: str
    threshold: str
    severity: Severity | None = "ok"
    kind: str | None = None

    @property
    def reason(self) -> Reason | None:
        """Why it is not well; None: it is, or nobody knows."""
        if self.kind is None or self.severity in (None, "ok"):
            return None
        said = f"{self.name}: {self.value} (expected: {self.threshold})"
        return Reason(self.kind, self.severity or "ok", said)


def standing(
    process: Process,
    progress: Progress | None,
    history: History,
    verdict: Verdict,
    settings: SupervisionSettings,
) -> list[Measure]:
    """What is known of any stream, also of one that does not run. Judged by `verdict`: here it is shown."""
    says = f"{progress.state} {progress.detail}".strip() if progress else "nothing"
    holes: Severity = "critical" if history.ledger_gaps else "ok"
    condition: Severity = "ok" if history.ledger_gaps else verdict.severity
    restarts = f"{history.restarts_in_last_hour} in an hour, {history.restarts_without_batch} without a batch"
    breakers = (
        f"fewer than {settings.max_restarts_per_hour} (supervision.max_restarts_per_hour),"
        f" {settings.max_restarts_without_batch} (supervision.max_restarts_without_batch)"
    )
    last = f"{progress.batch_id} at {progress.last_batch_at}" if progress else "none"
    return [
        Measure("process", f"{process.state}, pid {process.pid}", "RUNNING", condition),
        Measure("the stream says", says, "running", condition),
        Measure("last batch", last, "", None),
        Measure("restarts", restarts, breakers, None),
        Measure("holes in the ledger, last batches", str(history.ledger_gaps), "none", holes),
    ]


def measure(progress: Progress, flow: Flow, now: datetime, settings: SupervisionSettings) -> list[Measure]:
    """How a stream that runs does it."""
    return [
        *_signs_of_life(progress, now, settings),
        _lag(progress, flow, settings),
        _as_of(progress, now, settings),
        _event_time(flow, now, settings),
        _quarantine(flow, settings),
        _batch_duration(flow, settings),
    ]


def audited(audit: Audit, settings: SupervisionSettings) -> list[Measure]:
    """What does not depend on whether the stream runs."""
    return [_books(audit.ledger, settings), _order_index(audit.order_index, settings)]


def _signs_of_life(progress: Progress, now: datetime, settings: SupervisionSettings) -> Iterator[Measure]:
    """Judged by `include/supervision.py`: here they are shown."""
    heartbeat, most = age(progress.heartbeat_at, now), settings.max_heartbeat_age_seconds
    threshold = f"at most {most} s (supervision.max_heartbeat_age_seconds)"
    yield Measure("last heartbeat", f"{heartbeat:.0f} s ago", threshold, _above(heartbeat, most))
    waited, most = batch_age(progress, now) if has_work(progress) else 0.0, settings.max_batch_age_seconds
    threshold = (
        f"at most {most} s (supervision.max_batch_age_seconds),"
        f" restarted after {settings.restart_batch_age_seconds} s (supervision.restart_batch_age_seconds)"
    )
    yield Measure("records wait for a batch since", f"{waited:.0f} s", threshold, _above(waited, most))


def _above(value: float, most: float) -> Severity:
    return "warning" if value > most else "ok"


def _lag(progress: Progress, flow: Flow, settings: SupervisionSettings) -> Measure:
    most, window = settings.lag_growth_records, settings.lag_window_seconds
    threshold = (
        f"grown by less than {most} records (supervision.lag_growth_records) in {window} s"
        f" (supervision.lag_window_seconds), less than {settings.max_behind_seconds} s of reading"
        " (supervision.max_behind_seconds)"
    )
    lag, slope, read = progress.lag_records, flow.lag_per_second, flow.read_per_second
    if lag is None or slope is None or flow.covered_seconds < window / 2:
        seen = f"{'an unknown number of' if lag is None else lag} records, {read:.0f}/s read"
        return Measure("lag", f"{seen}; not watched for long enough", threshold, None, "lag")
    caught_up = f"caught up in {lag / -slope:.0f} s" if slope < 0 else "never caught up"
    value = f"{lag} records, {max(read + slope, 0):.0f}/s come, {read:.0f}/s are read"
    value += f", {caught_up}" if lag >= most else ""
    is_growing = lag >= most and slope * flow.covered_seconds >= most
    is_behind = lag >= most and lag > settings.max_behind_seconds * read > 0
    return Measure("lag", value, threshold, "warning" if is_growing or is_behind else "ok", "lag")


def _as_of(progress: Progress, now: datetime, settings: SupervisionSettings) -> Measure:
    behind, ahead = settings.max_as_of_age_seconds, settings.max_as_of_ahead_seconds
    threshold = (
        f"at most {behind} s ago while nothing waits (supervision.max_as_of_age_seconds), at most {ahead} s"
        " in the future (supervision.max_as_of_ahead_seconds)"
    )
    if progress.as_of is None:
        return Measure("everything read up to", "not known yet", threshold, None, "as_of")
    old = age(progress.as_of, now)
    value = f"{old:.0f} s ago" if old >= 0 else f"{-old:.0f} s in the future"
    # A process that has just started has not had the time to say it again.
    is_old = not has_work(progress) and min(old, age(progress.started_at, now)) > behind
    value += f"; the stream says: {progress.detail}" if is_old and progress.detail else ""
    severity: Severity = "warning" if is_old or -old > ahead else "ok"
    return Measure("everything read up to", value, threshold, severity, "as_of")


def _event_time(flow: Flow, now: datetime, settings: SupervisionSettings) -> Measure:
    behind, ahead = settings.max_event_age_minutes, settings.max_event_ahead_minutes
    threshold = (
        f"while orders come, at most {behind} min ago (supervision.max_event_age_minutes), at most"
        f" {ahead} min in the future (supervision.max_event_ahead_minutes)"
    )
    name = "newest order, by its own time"
    if flow.newest_event is None:
        return Measure(name, "none yet", threshold, None, "event_time")
    minutes = age(flow.newest_event, now) / 60
    value = f"{minutes:.0f} min ago" if minutes >= 0 else f"{-minutes:.0f} min in the future"
    is_old = minutes > behind and flow.read_per_second > 0
    return Measure(name, value, threshold, "warning" if is_old or -minutes > ahead else "ok", "event_time")


def _quarantine(flow: Flow, settings: SupervisionSettings) -> Measure:
    warn, fail = settings.quarantine_warn_share, settings.quarantine_fail_share
    least, minutes = settings.quarantine_min_records, settings.quarantine_window_minutes
    threshold = (
        f"below {warn:.0%} (supervision.quarantine_warn_share), critical from {fail:.0%}"
        f" (supervision.quarantine_fail_share), of at least {least} records"
        " (supervision.quarantine_min_records)"
    )
    rows, bad = flow.window_rows, flow.window_quarantined
    share = bad / rows if rows else 0.0
    value = f"{share:.1%}, {bad} of {rows} records in {minutes} min"
    severity: Severity = "critical" if share >= fail else "warning" if share >= warn else "ok"
    return Measure("quarantined", value, threshold, severity if rows >= least else "ok", "quarantine")


def _batch_duration(flow: Flow, settings: SupervisionSettings) -> Measure:
    threshold = f"at most {settings.max_batch_seconds:g} s on average (supervision.max_batch_seconds)"
    if flow.batch_seconds is None or flow.batches < MIN_BATCHES:
        return Measure("a batch takes", f"{flow.batches} batches seen", threshold, None, "batch_duration")
    value = f"{flow.batch_seconds:.1f} s, of {flow.batches} batches seen"
    severity = _above(flow.batch_seconds, settings.max_batch_seconds)
    return Measure("a batch takes", value, threshold, severity, "batch_duration")


def _books(found: LedgerAudit, settings: SupervisionSettings) -> Measure:
    name, threshold, at = "records and cents without a place", "none", f"at {found.began_at:%H:%M:%S}"
    if found.balances is None:
        value = f"not added up within {settings.max_books_seconds} s (supervision.max_books_seconds) {at}"
        return Measure(name, value, threshold, "warning", "books")
    value = (
        f"{found.records_unaccounted} records, {found.cents_unaccounted} cents, {found.holes} holes,"
        f" of {found.read_rows} records {at}"
    )
    return Measure(name, value, threshold, "ok" if found.balances else "critical", "books")


def _order_index(index: OrderIndexSize, settings: SupervisionSettings) -> Measure:
    most = settings.max_order_index_bytes
    threshold = f"at most {most / MB:.0f} MB (supervision.max_order_index_bytes)"
    if index.size_bytes is None:
        value = f"{index.entries} orders, its disk is not in sight"
        return Measure("order index", value, threshold, None, "order_index")
    value = f"{index.entries} orders, {index.size_bytes / MB:.1f} MB"
    return Measure("order index", value, threshold, _above(index.size_bytes, most), "order_index")
