"""The demo's stack: the driver dies in mid-batch, then everything; at the end nothing is left running."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from lake.tables import checkpoint
from stack.leftovers import leftovers
from stack.processes import wait_until
from tests.demo_stack import Stack

pytestmark = pytest.mark.stack


def test_no_cent_is_lost_when_the_driver_dies_in_mid_batch(stack: Stack) -> None:
    """`kill -9` while orders arrive: the process manager starts another driver, and the books balance."""
    victim = stack.pid_of("lake-writer")
    stack.succeed("simulate", "--count", "500", "--duplicates", "5%", "--bad", "2%")
    # One that has just begun, not one that is nearly over.
    wait_until(lambda: not has_batch_in_hand(stack), seconds=60, what="the end of a batch", interval=0.02)
    wait_until(lambda: has_batch_in_hand(stack), seconds=60, what="a batch in the making", interval=0.02)
    os.kill(victim, signal.SIGKILL)
    assert has_batch_in_hand(stack), "the batch was over before the driver died: nothing was tested"

    assert "PASS" in stack.succeed("reconcile", "--wait", "180")
    assert stack.pid_of("lake-writer") != victim


def has_batch_in_hand(stack: Stack) -> bool:
    """Spark has planned a batch that it has not committed yet."""
    folder = checkpoint(stack.folder.lake_root, "orders")
    planned, committed = (newest(folder / name) for name in ("offsets", "commits"))
    return planned > committed


def newest(folder: Path) -> int:
    return max((int(file.name) for file in folder.iterdir() if file.name.isdigit()), default=-1)


def test_up_after_a_crash_of_everything(stack: Stack) -> None:
    """Every process killed at once: `up` works, and nothing is missing."""
    for process in sorted(leftovers(stack.folder), key=is_the_manager, reverse=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    stack.succeed("up", seconds=400)
    assert "PASS" in stack.succeed("reconcile", "--wait", "180")


def is_the_manager(process: psutil.Process) -> bool:
    """It dies first, or it would start the others again."""
    with suppress(psutil.Error):
        return "supervisord" in " ".join(process.cmdline())
    return False


def test_down_leaves_no_process(stack: Stack) -> None:
    """Also not of those that others had started."""
    stack.succeed("down")
    assert leftovers(stack.folder) == []
