"""Is a stream making progress, and what is to be done about it? Pure: facts in, verdict out."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from include.settings import SupervisionSettings

Health = Literal["healthy", "starting", "stuck", "stopped", "damaged"]
Action = Literal["none", "restart", "refuse"]

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
    """What the database remembers: earlier restarts, and holes in the ledger's offsets."""

    restarts_in_last_hour: int
    has_unfinished_restart: bool
    ledger_gaps: int


class Verdict(NamedTuple):
    """`refuse`: something is wrong that a restart would not heal or must not touch."""

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
    a hole in the ledger, the process manager's state, the stream's own word.
    """
    if history.ledger_gaps:
        holes = (
            f"the ledger has {history.ledger_gaps} holes between batches: offsets were skipped or read twice"
        )
        return Verdict("damaged", "refuse", [holes])
    health, reasons = _condition(process, progress, history, now, settings)
    if health == "stopped":
        return Verdict(health, "refuse", reasons)
    if health != "stuck":
        return Verdict(health, "none", reasons)
    if history.restarts_in_last_hour >= settings.max_restarts_per_hour:
        breaker = f"{history.restarts_in_last_hour} restarts in the last hour did not help: no more of them"
        return Verdict(health, "refuse", [*reasons, breaker])
    return Verdict(health, "restart", reasons)


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
        return _starting_or_stuck(process.started_at, "no word from this process yet", now, settings)
    if progress.state == "starting":
        return _starting_or_stuck(progress.started_at, "the stream says starting", now, settings)
    reasons = list(_complaints(progress, now, settings))
    if reasons:
        return "stuck", reasons
    return "healthy", [_progress_in_words(progress, now)]


def _starting_or_stuck(
    since: datetime | None, what: str, now: datetime, settings: SupervisionSettings
) -> tuple[Health, list[str]]:
    seconds = _age(since, now)
    said = f"{what}, {seconds:.0f} s after its start (allowed: {settings.max_start_seconds})"
    return ("stuck" if seconds > settings.max_start_seconds else "starting"), [said]


def _complaints(progress: Progress, now: datetime, settings: SupervisionSettings) -> Iterator[str]:
    heartbeat = _age(progress.heartbeat_at, now)
    if heartbeat > settings.max_heartbeat_age_seconds:
        yield f"no heartbeat for {heartbeat:.0f} s (allowed: {settings.max_heartbeat_age_seconds})"
    if progress.state != "running":
        yield f"the process runs, but the stream says {progress.state} {progress.detail}".strip()
    # The first batch after a start replays what was left; it has the start's time on top.
    batch = min(_age(progress.last_batch_at, now), _age(progress.started_at, now))
    if progress.lag_records != 0 and batch > settings.max_batch_age_seconds:
        waiting = "an unknown number of" if progress.lag_records is None else progress.lag_records
        allowed = settings.max_batch_age_seconds
        yield f"no batch for {batch:.0f} s (allowed: {allowed}) while {waiting} records wait"


def _progress_in_words(progress: Progress, now: datetime) -> str:
    return (
        f"batch {progress.batch_id} closed {_age(progress.last_batch_at, now):.0f} s ago,"
        f" {progress.lag_records} records wait, heartbeat {_age(progress.heartbeat_at, now):.0f} s ago"
    )


def _age(since: datetime | None, now: datetime) -> float:
    """Seconds since then; never is infinitely long ago."""
    return (now - since) / timedelta(seconds=1) if since else float("inf")
