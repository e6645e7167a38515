"""The driver as a process: alone on its lake, ended between two batches, never alive by half."""

import fcntl
import gc
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from threading import Event
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.streaming import StreamingQuery

from include.errors import WriterAlreadyRunning
from lake.tables import java_lock, writer_lock

# More than a large batch has at a time.
GARBAGE_EACH_OBJECTS = 200_000

log = logging.getLogger(__name__)


@contextmanager
def sole_writer(root: Path) -> Iterator[None]:
    """
    Hold the lake's lock. The kernel lets go of it when the process ends, however it ends.

    Raises:
        WriterAlreadyRunning: another process holds it.
    """
    path = writer_lock(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise WriterAlreadyRunning(
                f"Starting a lake writer on {root}: process {lock.read().strip() or '?'} already writes it"
                f" and holds {path}. This process wrote nothing. Stop the other one (`saleslake status`"
                " shows it), or use another lake.root."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def lock_for_java(spark: SparkSession, root: Path) -> Any:
    """
    A lock that the Java half holds itself, as long as the returned file is kept: it may outlive its Python.

    Raises:
        WriterAlreadyRunning: the Java half of an earlier driver still lives and could still commit.
    """
    path = java_lock(root)
    file = spark.sparkContext._gateway.jvm.java.io.RandomAccessFile(str(path), "rw")  # type: ignore[union-attr]
    if file.getChannel().tryLock() is None:
        raise WriterAlreadyRunning(
            f"Starting a lake writer on {root}: the Java half of an earlier one still holds {path}. This"
            " process wrote nothing. End it: `saleslake down` finds it, then `saleslake up`."
        )
    return file


def collect_garbage_seldom() -> None:
    """
    The collector of cycles looks at all of a batch's rows again and again while they are made, a tenth of
    Python's part, and finds nothing: they are freed when their last user goes. `collect_garbage` after each
    batch does what is left.
    """
    gc.collect()
    gc.freeze()  # what is there now stays
    gc.set_threshold(GARBAGE_EACH_OBJECTS)


def collect_garbage() -> None:
    """
    What batches left behind: Py4J's objects are cycles, and Java keeps its half as long as they live. All of
    it: what was still in use at the end of one batch is garbage at the end of the next.
    """
    gc.collect()


class BatchNotBegun(Exception):
    """A stop is wanted: the batch that Spark has planned is left for the next start."""


class GracefulStop:
    """Ends the query between two batches, so that the last one leaves nothing to replay."""

    def __init__(self) -> None:
        self.wanted = Event()
        self.done = Event()
        # What made a batch fail, before Spark wraps it in traces of both languages.
        self.cause: Exception | None = None

    def hold_back_new_batch(self) -> None:
        if self.wanted.is_set():
            raise BatchNotBegun

    def carry_out(self, query: StreamingQuery) -> None:
        """Wait for the running batch, then stop. A batch that begins meanwhile ends the query by itself."""
        while query.isActive and query.status["isTriggerActive"]:
            time.sleep(0.1)
        if query.isActive:
            query.stop()


def end_with_java(java: Popen[bytes], done: Event) -> None:
    """Half a driver is no driver: when Java is gone, this process goes too, and both are started anew."""
    status = java.wait()
    if not done.is_set():
        log.error("Java ended with status %s; the driver ends with it", status)
        os._exit(1)


def end_java(spark: SparkSession, java: Popen[bytes]) -> None:
    """End the session and wait for its Java half, so that nothing of this driver is left."""
    spark.stop()
    if java.stdin is not None:
        java.stdin.close()  # what the gateway takes as the end
    java.wait(timeout=20)
