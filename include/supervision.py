"""Is a stream making progress, and what is to be done about it? Pure: facts in, verdict out."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from include.settings import SupervisionSettings

Health = Literal["healthy", "starting", "slow", "stuck", "stopped", "damaged"]
Action = Literal["none", "restart", "kill", "refuse"]

# States of a program as supervisord names them.
COMING_UP = frozenset({"STARTING", "BACKOFF", "STOPPING"})
GIVEN_UP = frozenset({"EXITED", "FATAL", "UNKNOWN"})


class Process(NamedTuple):
    """What the process manager says about the program."""

    state: str
    pid: int
    started_at: datetime | None


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


class Verdict(NamedTuple):
    """
    `refuse`: something is wrong that a restart would not heal or must not touch. `kill`: restart without
    waiting for the running batch, because nothing is left in the process that could finish it.
    """

    health: Health
    action: Action
    reasons: list[str]


def judge(
    process: Process,
    progress: Progress | None,
    history: History,
    now: datetime,
    settings: SupervisionSettings,
) -> Verdict:
    """
    Judge by progress, not by "the process is there". Rules in order, the first that speaks decides:
    a hole in the ledger, a crash loop, the process manager's state, the stream's own word.
    """
    if history.ledger_gaps:
        holes = (
            f"the ledger has {history.ledger_gaps} holes between batches: offsets were skipped or read twice"
        )
        return Verdict("damaged", "refuse", [holes])
    is_silent = process.state == "RUNNING" and _is_silent(process, progress, now, settings)
    # What is frozen does not crash: however many starts there were, only a kill heals it.
    if not is_silent and (loop := _crash_loop(progress, history, settings)):
        return Verdict("stuck", "refuse", loop)
    health, reasons = _condition(process, progress, history, now, settings)
    if health == "stopped":
        return Verdict(health, "refuse", reasons)
    if health != "stuck":
        return Verdict(health, "none", reasons)
    if breaker := _breaker(history, settings):
        return Verdict(health, "refuse", [*reasons, breaker])
    return Verdict(health, "kill" if is_silent else "restart", reasons)


def _crash_loop(progress: Progress | None, history: History, settings: SupervisionSettings) -> list[str]:
    starts = history.starts_without_batch
    if starts < settings.max_starts_without_batch or not _has_work(progress):
        return []
    loop = f"{starts} starts within 15 minutes and not one batch: it crashes or hangs"
    return [loop, *([progress.detail] if progress and progress.detail else [])]


def _breaker(history: History, settings: SupervisionSettings) -> str | None:
    if history.restarts_without_batch >= settings.max_restarts_without_batch:
        return f"{history.restarts_without_batch} restarts and no batch since: no more of them"
    if history.restarts_in_last_hour >= settings.max_restarts_per_hour:
        return f"{history.restarts_in_last_hour} restarts in the last hour did not help: no more of them"
    return None


def _condition(
    process: Process,
    progress: Progress | None,
    history: History,
    now: datetime,
    settings: SupervisionSettings,
) -> tuple[Health, list[str]]:
    if process.state == "STOPPED":
        if history.has_unfinished_restart:
            return "stuck", ["a restart stopped the stream and did not start it again"]
        return "stopped", ["somebody stopped the stream through the process manager; it is left alone"]
    if process.state in GIVEN_UP:
        return "stuck", [f"the process manager gave up: {process.state}"]
    if process.state in COMING_UP:
        return "starting", [f"the process manager says {process.state}"]
    if progress is None or progress.pid != process.pid:
        allowed = settings.max_silent_start_seconds
        return _starting_or_stuck(process.started_at, "no word from this process yet", now, allowed)
    if _is_silent(process, progress, now, settings):
        heartbeat, allowed = _age(progress.heartbeat_at, now), settings.max_heartbeat_age_seconds
        return "stuck", [f"no heartbeat for {heartbeat:.0f} s (allowed: {allowed})"]
    if progress.state == "starting":
        allowed = settings.max_start_seconds
        return _starting_or_stuck(progress.started_at, "the stream says starting", now, allowed)
    reasons = list(_complaints(progress, now, settings))
    if reasons:
        return "stuck", reasons
    batch = _batch_age(progress, now)
    if _has_work(progress) and batch > settings.max_batch_age_seconds:
        return "slow", [f"{_waiting(progress, batch)} (expected: {settings.max_batch_age_seconds})"]
    return "healthy", [_progress_in_words(progress, now)]


def _starting_or_stuck(
    since: datetime | None, what: str, now: datetime, allowed: int
) -> tuple[Health, list[str]]:
    seconds = _age(since, now)
    said = f"{what}, {seconds:.0f} s after its start (allowed: {allowed})"
    return ("stuck" if seconds > allowed else "starting"), [said]


def _is_silent(
    process: Process, progress: Progress | None, now: datetime, settings: SupervisionSettings
) -> bool:
    """The process has not beaten for too long, or not once since it started."""
    if progress is None or progress.pid != process.pid:
        return _age(process.started_at, now) > settings.max_silent_start_seconds
    return _age(progress.heartbeat_at, now) > settings.max_heartbeat_age_seconds


def _has_work(progress: Progress | None) -> bool:
    return progress is None or progress.lag_records != 0


def _complaints(progress: Progress, now: datetime, settings: SupervisionSettings) -> Iterator[str]:
    if progress.state != "running":
        yield f"the process runs, but the stream says {progress.state} {progress.detail}".strip()
    batch, allowed = _batch_age(progress, now), settings.restart_batch_age_seconds
    if not progress.last_batch_at or progress.last_batch_at < progress.started_at:
        # The first batch after a start replays what was left, in a cold JVM.
        allowed += settings.max_start_seconds
    if _has_work(progress) and batch > allowed:
        yield f"{_waiting(progress, batch)} (allowed: {allowed})"


def _batch_age(progress: Progress, now: datetime) -> float:
    """Seconds that records have waited for a batch: neither quiet times nor those before this start count."""
    since = (progress.last_batch_at, progress.started_at, progress.as_of)
    return min(_age(instant, now) for instant in since)


def _waiting(progress: Progress, batch_age: float) -> str:
    records = "an unknown number of" if progress.lag_records is None else progress.lag_records
    return f"{records} records wait, and no batch for {batch_age:.0f} s"


def _progress_in_words(progress: Progress, now: datetime) -> str:
    return (
        f"batch {progress.batch_id} closed {_age(progress.last_batch_at, now):.0f} s ago,"
        f" {progress.lag_records} records wait, heartbeat {_age(progress.heartbeat_at, now):.0f} s ago"
    )


def _age(since: datetime | None, now: datetime) -> float:
    """Seconds since then; never is infinitely long ago."""
    return (now - since) / timedelta(seconds=1) if since else float("inf")
