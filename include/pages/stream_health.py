"""How a stream is, in words: the verdict of the supervision, and where its way out is written."""

from datetime import datetime
from typing import Any, Literal, NamedTuple

import psycopg

from include.errors import StackError
from include.process_manager import ProcessManager
from include.settings import SupervisionSettings
from include.stream_watch import read_history, read_progress
from include.supervision import Health, Process, Progress, judge

Level = Literal["good", "watch", "bad"]
RUNBOOK = "supervise_streams"


class Words(NamedTuple):
    """What a verdict means for whoever looks. `heading` is a section of the runbook."""

    level: Level
    text: str
    heading: str = ""


IN_WORDS: dict[Health, Words] = {
    "healthy": Words("good", "All is well"),
    "starting": Words("watch", "The lake writer is starting"),
    "slow": Words("watch", "The lake writer is slow: records wait longer than they should"),
    "stuck": Words("bad", "The stream is stuck", "Restarts did not help"),
    "stopped": Words("bad", "The lake writer was stopped", "It was stopped on purpose"),
    "damaged": Words("bad", "Records were skipped or read twice", "The ledger has a hole"),
}
RESTARTING = Words("bad", "The stream is stuck and is being restarted")
UNHEARD = Words("watch", "No lake writer has reported yet")
UNMANAGED = Words("watch", "The stream moves, but its process manager does not answer")


def stream_health(
    connection: psycopg.Connection, settings: SupervisionSettings, now: datetime
) -> dict[str, Any]:
    """The verdict that supervise_streams would come to now. Nothing is done about it."""
    progress, history = read_progress(connection), read_history(connection)
    process, trouble = _process(settings, progress)
    if process is None:
        reasons = ["Start it with `saleslake up`.", *([trouble] if trouble else [])]
        return _said(UNHEARD, reasons)
    verdict = judge(process, progress, history, now, settings)
    words = IN_WORDS[verdict.health]
    if verdict.action in ("restart", "kill"):
        words = RESTARTING
    if trouble and words.level == "good":
        words = UNMANAGED
    reasons = [f"{reason.text}." for reason in verdict.reasons]
    return _said(words, [*reasons, *([trouble] if trouble else [])])


def _said(words: Words, reasons: list[str]) -> dict[str, Any]:
    runbook = None if words.level == "good" else RUNBOOK
    return {**words._asdict(), "reasons": reasons, "runbook": runbook}


def _process(settings: SupervisionSettings, progress: Progress | None) -> tuple[Process | None, str | None]:
    """
    The lake writer's process, and what kept the process manager from telling. Where it cannot be asked, the
    process is the one that reported last: its heartbeat then says whether it lives. None: none ever did.
    """
    reported = Process("RUNNING", progress.pid, progress.started_at) if progress else None
    if settings.supervisor_socket is None:
        return reported, None
    try:
        return ProcessManager(settings.supervisor_socket, settings.program).process(), None
    except StackError as error:
        return reported, str(error)
