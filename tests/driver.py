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


class Driver:
    """The driver of one run folder. Its log is `driver.log` there."""

    def __init__(self, run: Path) -> None:
        self.run = run
        environment = child_environment(**{RUN_DIR_VARIABLE: str(run), "PYTHONPATH": str(PROJECT_ROOT)})
        with (run / "driver.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "spark.streaming.lake_writer"],
                env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return (self.run / "driver.log").read_text()

    def java(self, *, seconds: float = 90) -> psutil.Process:
        """Its Java half, as soon as it is there."""
        parent = psutil.Process(self.process.pid)

        def found() -> list[psutil.Process]:
            return [child for child in parent.children(recursive=True) if child.name() == "java"]

        wait_until(lambda: bool(found()), seconds=seconds, what="the Java half")
        return found()[0]

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


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
        "stream": {"driver_memory": "1g", "java_silence_seconds": 10, "metrics_port": metrics_port},
    }
    (run / "settings.json").write_text(json.dumps(settings))
