"""A real lake writer as a process of a test's own: both halves, no process manager."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from include.settings import (
    PROJECT_ROOT,
    RUN_DIR_VARIABLE,
    KafkaSettings,
    PostgresSettings,
    child_environment,
)
from stack.processes import wait_until

WRITING = "INFO lake_writer: writing"
# A Java too, which ends when it has said how to start the other one.
LAUNCHER = "org.apache.spark.launcher.Main"
SUBMIT = "org.apache.spark.deploy.SparkSubmit"


class Driver:
    """The driver of one run folder. Its log is `driver.log` there."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self._writing_before = self.log.count(WRITING)
        environment = child_environment(**{RUN_DIR_VARIABLE: str(run), "PYTHONPATH": str(PROJECT_ROOT)})
        with (run / "driver.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "spark.streaming.lake_writer"],
                env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def log(self) -> str:
        file = self.run / "driver.log"
        return file.read_text() if file.exists() else ""

    def is_writing(self) -> bool:
        return self.log.count(WRITING) > self._writing_before

    def java(self, *, seconds: float = 90) -> psutil.Process:
        """Its Java half, as soon as it is there."""
        parent = psutil.Process(self.process.pid)

        found: list[psutil.Process] = []

        def look() -> bool:
            with suppress(psutil.NoSuchProcess):
                found[:] = [c for c in parent.children(recursive=True) if is_java_half(c)]
            return bool(found)

        wait_until(look, seconds=seconds, what="the Java half")
        return found[0]

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def is_java_half(process: psutil.Process) -> bool:
    words = process.cmdline()
    return process.name() == "java" and SUBMIT in words and LAUNCHER not in words


@contextmanager
def driver(run: Path) -> Iterator[Driver]:
    """A driver that starts; what is left of it ends with the block."""
    started = Driver(run)
    try:
        yield started
    finally:
        started.end()


def configure(run: Path, kafka: KafkaSettings, postgres: PostgresSettings, metrics_port: int) -> None:
    """The settings of a run folder, with a small heap and little patience with Java."""
    key = run / "key"
    key.write_text("ab" * 32)
    settings = {
        "run_dir": str(run),
        "kafka": {"bootstrap_servers": kafka.bootstrap_servers, "orders_topic": kafka.orders_topic},
        "postgres": {"port": postgres.port, "passfile": str(postgres.passfile)},
        "lake": {"root": str(run / "lake"), "email_hmac_key_file": str(key)},
        "stream": {"driver_memory": "1g", "metrics_port": metrics_port},
    }
    (run / "settings.json").write_text(json.dumps(settings))
