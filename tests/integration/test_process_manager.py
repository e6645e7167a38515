"""Restarting a program of a real process manager."""

import os
import signal
from pathlib import Path

import pytest

from include.process_manager import ProcessManager
from stack.processes import wait_until
from tests.small_process_manager import process_manager

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_kill_takes_what_the_process_started(tmp_path: Path, is_frozen: bool) -> None:
    """A JVM that hangs does not outlive its Python half, whether that ends when asked or not."""
    with process_manager(tmp_path) as manager:
        family = ProcessManager(manager.socket, "family")
        number = tmp_path / "child"
        family._call("startProcess", "family", True)
        wait_until(lambda: number.is_file() and number.read_text() != "", seconds=10, what="the child")
        child, parent = int(number.read_text()), family.process().pid
        if is_frozen:
            os.kill(parent, signal.SIGSTOP)
        try:
            fresh = family.restart(force=True, stop_seconds=20).pid
            assert fresh not in (0, parent)
            wait_until(lambda: not _is_alive(child), seconds=5, what="the end of the child")
        finally:
            for pid in (child, *_children(family.process().pid)):
                if _is_alive(pid):
                    os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_alive(pid: int) -> bool:
    """A zombie is not: it has no command line any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False
