"""A Java that works is not a Java that hangs."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from spark.streaming.java_half import JavaProcess
from stack.processes import wait_until


@pytest.fixture
def java() -> Iterator[psutil.Process]:
    """Uses the processor all the time."""
    child = subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"])
    yield psutil.Process(child.pid)
    child.kill()
    child.wait()


def test_what_works_is_seen_working_and_what_is_frozen_is_not(java: psutil.Process) -> None:
    seen = JavaProcess(lambda: java)
    wait_until(seen.has_worked, seconds=20, what="work", interval=0.2)
    java.suspend()
    seen.has_worked()
    assert not seen.has_worked()


def test_before_there_is_a_java_nothing_works() -> None:
    assert not JavaProcess(lambda: None).has_worked()
