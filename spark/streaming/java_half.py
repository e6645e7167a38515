"""The driver's Java half: found when an earlier driver left it behind, watched while it runs."""

import fcntl
import logging
import os
import signal
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import psutil
from pyspark import SparkContext

from include.errors import WriterAlreadyRunning
from lake.tables import java_lock

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0
ORPHAN_PATIENCE_SECONDS = 15
# Of the processor, between two looks; an idle JVM uses less than half of it. What such a look counts.
WORK_SECONDS, BUSY_LOOK = 0.03, 0.25
# struct flock on 64-bit Linux: type, whence, start, length, pid.
FLOCK = struct.Struct("hhqqi4x")


def end_orphan(root: Path) -> None:
    """
    End the Java half that an earlier driver left behind. Call it with the lake's own lock held: then its
    Python half is gone, and all that it could still do is to commit what nobody expects any more.

    Raises:
        WriterAlreadyRunning: it is still there.
    """
    path = java_lock(root)
    deadline = time.monotonic() + ORPHAN_PATIENCE_SECONDS
    while pid := _holder(path):
        log.warning("the Java half of an earlier driver, process %d, is still there: ending it", pid)
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError) as error:
            log.warning("process %d: %s", pid, error)
        if time.monotonic() > deadline:
            raise WriterAlreadyRunning(
                f"Starting a lake writer on {root}: process {pid}, the Java half of an earlier one, holds"
                f" {path} and does not end. This process wrote nothing. End it, then `saleslake up`."
            )
        time.sleep(0.2)


def _holder(path: Path) -> int | None:
    """The process that holds the lock of `path`, as the kernel knows it."""
    if not path.exists():
        return None
    with path.open("r+") as file:
        asked = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, *_, pid = FLOCK.unpack(fcntl.fcntl(file, fcntl.F_GETLK, asked))
    # A holder outside of this container has no number here: lock_for_java refuses it.
    return pid if kind != fcntl.F_UNLCK and pid > 0 else None


class JavaWatch:
    """
    Half a driver is no driver: when Java answers nothing for `seconds`, this process ends with it, and both
    are started anew. Counted in looks, not by the clock: a machine that slept, or a process that was stopped
    as a whole, has not been silent. While Java uses the processor it gets four times as long: on a machine
    with too much to do, another start would only be slower.

    Args:
        gateway: the way to Java; None as long as it is not there.
    """

    def __init__(self, gateway: Callable[[], Any], done: Event, *, seconds: float) -> None:
        self._gateway, self._done = gateway, done
        self._looks = seconds / POLL_SECONDS
        self._answers = 0
        self._java = JavaProcess()

    def start(self) -> None:
        for name, work in (("ask java", self._ask), ("java silence", self._watch)):
            threading.Thread(target=work, name=name, daemon=True).start()

    def _ask(self) -> None:
        while not self._done.wait(POLL_SECONDS):
            if (gateway := self._gateway()) is None:
                continue
            try:
                gateway.jvm.java.lang.System.nanoTime()
                self._answers += 1
            except Exception as error:  # py4j's are many; whether Java is gone is another thread's to say
                log.debug("Java did not answer: %r", error)

    def _watch(self) -> None:
        heard, silent, looks = self._answers, 0.0, 0
        while not self._done.wait(POLL_SECONDS):
            weight = BUSY_LOOK if self._java.has_worked() else 1.0
            silent, looks = (0.0, 0) if self._answers != heard else (silent + weight, looks + 1)
            heard = self._answers
            if silent >= self._looks:
                log.error("Java answers nothing for %.0f s; the driver ends", looks * POLL_SECONDS)
                end_driver()


class JavaProcess:
    """
    The Java that this process has started, once it is there.

    Args:
        find: looks for it.
    """

    def __init__(self, find: Callable[[], psutil.Process | None] | None = None) -> None:
        self._find = find or _java_child
        self._process: psutil.Process | None = None
        self._seconds = 0.0

    def has_worked(self) -> bool:
        """Whether it used the processor since it was last asked: more than a JVM that does nothing uses."""
        try:
            self._process = self._process or self._find()
            if self._process is None:
                return False
            times = self._process.cpu_times()
        except psutil.Error:
            self._process = None
            return False
        before, self._seconds = self._seconds, times.user + times.system
        return self._seconds - before >= WORK_SECONDS


def _java_child() -> psutil.Process | None:
    return next((child for child in psutil.Process().children() if child.name() == "java"), None)


def java_gateway() -> Any:
    """PySpark's way to Java; None until Java is up."""
    return SparkContext._gateway


def end_driver() -> None:
    """End this process and all that it started, at once."""
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)
