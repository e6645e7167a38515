"""
The boundaries of a batch by name, where a test lets the lake writer fail. Only the profile `test` has them.

A fixed one (`stream.fault_point`) ends every driver that gets there. An armed one is for a driver that runs:
the file `armed_fault_point` in the run folder names the step, and the first driver to get there removes the
file before it fails, so that its successor goes on.
"""

import errno
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from lake.tables import TABLES

STEPS = (
    *(f"after_{table.full_name}" for table in TABLES),
    "before_close",
    "after_live",  # inside the closing transaction of PostgreSQL
    "after_ledger",  # inside it: nothing but its COMMIT is missing
    "after_close",  # after the COMMIT, before Spark notes the batch as done
)
Reach = Callable[[str], None]
# What happens there: the process ends as by `kill -9`, or the disk is full.
Failure = Literal["kill", "disk_full"]


def pass_by(step: str) -> None:
    """The normal profile: a step is reached, and that is all."""


def fault_points(*, fixed: str, run_folder: Path) -> Reach:
    """What the test profile does at a step: fail there, if it is the fixed or the armed one."""

    def reach(step: str) -> None:
        failure = "kill" if step == fixed else _disarm(run_folder, step)
        if failure == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif failure == "disk_full":
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} (armed at {step})")

    return reach


def armed_file(run_folder: Path) -> Path:
    return run_folder / "armed_fault_point"


def arm(run_folder: Path, step: str, failure: Failure = "kill") -> None:
    """The next driver of this run folder that reaches `step` fails there, once."""
    file = armed_file(run_folder)
    draft = file.with_suffix(".draft")
    draft.write_text(f"{step} {failure}", encoding="utf-8")
    draft.replace(file)


def _disarm(run_folder: Path, step: str) -> str | None:
    """The failure that is armed for `step`. Two threads may ask: who removes the file has it."""
    with suppress(FileNotFoundError):
        armed, _, failure = armed_file(run_folder).read_text(encoding="utf-8").strip().partition(" ")
        if armed == step:
            armed_file(run_folder).unlink()
            return failure or "kill"
    return None
