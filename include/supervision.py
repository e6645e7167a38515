"""Is a stream making progress, and what is to be done about it? Pure: facts in, verdict out."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from include.settings import SupervisionSettings
from include.severity import Reason, Severity, worst
from include.stream_runtime import COMING_UP, GIVEN_UP, Process

Health = Literal["healthy", "starting", "slow", "stuck", "stopped", "damaged"]
Action = Literal["none", "restart", "kill", "refuse"]


class Progress(NamedTuple):
    """What the stream says about itself: its row of ops.stream_progress."""

    state: str
    detail: str
    batch_id: int | None
    last_batch_at: datetime | None
    as_of: datetime | None
    lag_records: int | None
    heartbeat_at: datetime
    started_at: datetime
    pid: int
    # What it does instead of batches, and until when at most; or did, and until when.
    busy_with: str | None = None
    busy_until: datetime | None = None


class History(NamedTuple):
    """
    What the database remembers. `starts_without_batch` looks back a quarter of an hour; restarts count as
    without a batch when the lake has come no further since.
    """

    restarts_in_last_hour: int
    has_unfinished_restart: bool
    ledger_gaps: int
    starts_without_batch: int = 0
    restarts_without_batch: int = 0
    last_restart_at: datetime | None = None


class Verdict(NamedTuple):
    """
    `refuse`: something is wrong that a restart would not heal or must not touch. `kill`: restart without
    waiting for the running batch, because nothing is left in the process that could finish it.
    """

    health: Health
    action: Action
    reasons: list[Reason]

    @property
    def severity(self) -> Severity:
        return worst(reason.severity for reason in self.reasons)

    @property
    def text(self) -> str:
        return "; ".join(reason.text for reason in self.reasons)


def judge(
    process: Process,
    progress: Progress | None,
    history: History,
    now: datetime,
    settings: SupervisionSettings,
) -> Verdict:
    """
    Judge by progress, not by "the process is there". Rules in order, the first that speaks decides:
    a hole in the ledger, a crash loop, the runtime's state, the stream's own word.
    """
    if history.ledger_gaps:
        holes = (
            f"the ledger has {history.ledger_gaps} holes between batches: offsets were skipped or read twice"
            " (allowed: none)"
        )
        return Verdict("damaged", "refuse", [Reason("ledger", "critical", holes)])
    is_silent = process.state == "RUNNING" and _is_silent(process, progress, now, settings)
    # What is frozen does not crash: however many starts there were, only a kill heals it.
    if not is_silent and (loop := _crash_loop(progress, history, settings)):
        return Verdict("stuck", "refuse", [Reason("stuck", "critical", loop)])
    health, text = _condition(process, progress, history, now, settings)
    if health == "stopped":
        return Verdict(health, "refuse", [Reason("stopped", "critical", text)])
    if health == "slow":
        return Verdict(health, "none", [Reason("slow", "warning", text)])
    if health != "stuck":
        return Verdict(health, "none", [Reason("progress", "ok", text)])
    if breaker := _breaker(history, settings):
        return Verdict(health, "refuse", [Reason("stuck", "critical", f"{text}; {breaker}")])
    waits = 0.0 if history.has_unfinished_restart else _backoff(history, now, settings)
    if waits > 0:
        text += (
            f"; the next restart comes in {waits:.0f} s, after {history.restarts_without_batch} that brought"
            " no batch (supervision.restart_backoff_seconds)"
        )
    action: Action = "none" if waits > 0 else "kill" if is_silent else "restart"
    return Verdict(health, action, [Reason("stuck", "warning", text, at_once=True)])


def _crash_loop(progress: Progress | None, history: History, settings: SupervisionSettings) -> str | None:
    starts, allowed = history.starts_without_batch, settings.max_starts_without_batch
    if starts < allowed or not has_work(progress):
        return None
    loop = (
        f"{starts} starts within 15 minutes and not one batch: it crashes or hangs (fewer than {allowed} are"
        " allowed: supervision.max_starts_without_batch)"
    )
    return f"{loop}; it said: {progress.detail}" if progress and progress.detail else loop


def _breaker(history: History, settings: SupervisionSettings) -> str | None:
    in_vain, recent = history.restarts_without_batch, history.restarts_in_last_hour
    if in_vain >= settings.max_restarts_without_batch:
        return (
            f"{in_vain} restarts and no batch since: no more of them (supervision.max_restarts_without_batch)"
        )
    if recent >= settings.max_restarts_per_hour:
        return (
            f"{recent} restarts in the last hour did not help: no more of them"
            " (supervision.max_restarts_per_hour)"
        )
    return None


def _backoff(history: History, now: datetime, settings: SupervisionSettings) -> float:
    """Seconds until the next restart may be made: each in vain doubles the wait."""
    if not history.restarts_without_batch:
        return 0.0
    wait = settings.restart_backoff_seconds * 2 ** (history.restarts_without_batch - 1)
    return min(wait, settings.max_restart_backoff_seconds) - age(history.last_restart_at, now)


def _condition(
    process: Process,
    progress: Progress | None,
    history: History,
    now: datetime,
    settings: SupervisionSettings,
) -> tuple[Health, str]:
    if process.state == "STOPPED":
        if history.has_unfinished_restart:
            return "stuck", "a restart stopped the stream and did not start it again"
        return "stopped", "somebody stopped the stream through the process manager; it is left alone"
    if process.state in GIVEN_UP:
        return "stuck", f"the process manager gave up: {process.state}"
    if process.state in COMING_UP:
        return "starting", f"the process manager says {process.state}"
    if progress is None or progress.pid != process.pid:
        allowed, setting = settings.max_silent_start_seconds, "max_silent_start_seconds"
        return _starting_or_stuck(process.started_at, "no word from this process yet", now, allowed, setting)
    if _is_silent(process, progress, now, settings):
        heartbeat, allowed = age(progress.heartbeat_at, now), settings.max_heartbeat_age_seconds
        allows = f"(allowed: {allowed}, supervision.max_heartbeat_age_seconds)"
        return "stuck", f"no heartbeat for {heartbeat:.0f} s {allows}"
    if progress.state in ("starting", "running") and progress.busy_until and progress.busy_until > now:
        health: Health = "starting" if progress.state == "starting" else "healthy"
        return health, f"busy with {progress.busy_with}, until {progress.busy_until:%H:%M:%S} at most"
    if progress.state == "starting":
        allowed, setting = settings.max_start_seconds, "max_start_seconds"
        since = max(progress.started_at, progress.busy_until or progress.started_at)
        return _starting_or_stuck(since, "the stream says starting", now, allowed, setting)
    if complaints := "; ".join(_complaints(progress, now, settings)):
        return "stuck", complaints
    waited = batch_age(progress, now)
    if has_work(progress) and waited > settings.max_batch_age_seconds:
        allows = f"(expected: {settings.max_batch_age_seconds}, supervision.max_batch_age_seconds)"
        return "slow", f"{_waiting(progress, waited)} {allows}"
    return "healthy", _progress_in_words(progress, now)


def _starting_or_stuck(
    since: datetime | None, what: str, now: datetime, allowed: int, setting: str
) -> tuple[Health, str]:
    seconds = age(since, now)
    said = f"{what}, {seconds:.0f} s after its start (allowed: {allowed}, supervision.{setting})"
    return ("stuck" if seconds > allowed else "starting"), said


def _is_silent(
    process: Process, progress: Progress | None, now: datetime, settings: SupervisionSettings
) -> bool:
    """The process has not beaten for too long, or not once since it started."""
    if progress is None or progress.pid != process.pid:
        return age(process.started_at, now) > settings.max_silent_start_seconds
    return age(progress.heartbeat_at, now) > settings.max_heartbeat_age_seconds


def has_work(progress: Progress | None) -> bool:
    return progress is None or progress.lag_records != 0


def _complaints(progress: Progress, now: datetime, settings: SupervisionSettings) -> Iterator[str]:
    if progress.state != "running":
        yield f"the process runs, but the stream says {progress.state} {progress.detail}".strip()
    waited, allowed = batch_age(progress, now), settings.restart_batch_age_seconds
    if not progress.last_batch_at or progress.last_batch_at < progress.started_at:
        # The first batch after a start replays what was left, in a cold JVM.
        allowed += settings.max_start_seconds
    if has_work(progress) and waited > allowed:
        yield f"{_waiting(progress, waited)} (allowed: {allowed}, supervision.restart_batch_age_seconds)"


def batch_age(progress: Progress, now: datetime) -> float:
    """
    Seconds that records have waited for a batch: neither quiet times, nor those before this start, nor those
    in which it had something else to do count.
    """
    since = (progress.last_batch_at, progress.started_at, progress.as_of, progress.busy_until)
    return min(age(instant, now) for instant in since)


def _waiting(progress: Progress, waited: float) -> str:
    records = "an unknown number of" if progress.lag_records is None else progress.lag_records
    return f"{records} records wait, and no batch for {waited:.0f} s"


def _progress_in_words(progress: Progress, now: datetime) -> str:
    return (
        f"batch {progress.batch_id} closed {age(progress.last_batch_at, now):.0f} s ago,"
        f" {progress.lag_records} records wait, heartbeat {age(progress.heartbeat_at, now):.0f} s ago"
    )


def age(since: datetime | None, now: datetime) -> float:
    """Seconds since then; never is infinitely long ago."""
    return (now - since) / timedelta(seconds=1) if since else float("inf")
