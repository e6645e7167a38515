"""Orders that arrive all the time, and bursts of special ones. Every record comes from the walk's seed."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

from include.errors import StackError
from include.settings import PROJECT_ROOT
from stack.layout import RunFolder
from stack.processes import end, wait_until
from stack.supervisor import environment

RATE = 20
USUAL = ("--duplicates", "4%", "--late", "1%", "--bad", "3%", "--conflicts", "1%")
# An hour in which orders of a burst lie: the same for the whole walk, so that a burst can be sent again.
SPAN = timedelta(minutes=45)
LAST_ANSWERS_SECONDS = 60
# A burst waits as long for a broker that was killed.
PATIENCE_SECONDS = 120
KILLED_RATE = 500


class Traffic:
    """Sends through the command `saleslake simulate`, which notes everything in the truth manifest."""

    def __init__(self, folder: RunFolder, seed: int, now: datetime) -> None:
        self._folder, self._seed = folder, seed
        self._start = (now - SPAN - timedelta(minutes=5)).isoformat()
        self._steady: subprocess.Popen[bytes] | None = None
        self._runs = 0

    def keep_going(self) -> None:
        """Orders arrive. One that ended, because Kafka was away for too long, is followed by another."""
        if self._steady is None or self._steady.poll() is not None:
            self._runs += 1
            self._steady = self._begin("--rate", str(RATE), "--seed", str(self._seed + self._runs), *USUAL)

    def end(self) -> None:
        """No more orders; those that were sent have their answers, as far as there are any."""
        if self._steady is not None:
            end(self._steady, seconds=LAST_ANSWERS_SECONDS, interrupt=signal.SIGTERM)

    def burst(self, seed: int, count: int, *faults: str) -> int:
        """Send `count` records as fast as it goes; returns the exit code. Twice sends the same records."""
        return self._begin(*self._words(seed, count), *faults).wait(timeout=PATIENCE_SECONDS)

    def killed_burst(self, seed: int, seconds: float) -> str:
        """A producer that dies in the middle: some of its records are never answered for."""
        process = self._begin("--seed", str(seed), "--rate", str(KILLED_RATE))
        try:
            wait_until(
                lambda: self._has_sent(seed), seconds=PATIENCE_SECONDS, what="the producer's first order"
            )
            sleep(seconds)
        except StackError as error:
            return str(error)
        finally:
            process.kill()
            process.wait()
        return f"killed {seconds} s after its first order"

    def _has_sent(self, seed: int) -> bool:
        """The truth manifest is there before the order is sent."""
        query = "select 1 from runs join events using (run_id) where seed = ? limit 1"
        with suppress(sqlite3.Error), closing(sqlite3.connect(self._folder.manifest, timeout=5)) as manifest:
            return manifest.execute(query, (seed,)).fetchone() is not None
        return False

    def _words(self, seed: int, count: int) -> list[str]:
        span = f"{SPAN.total_seconds():.0f}s"
        return ["--seed", str(seed), "--count", str(count), "--start", self._start, "--span", span]

    def _begin(self, *words: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "stack.cli", "simulate", *words]
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                command, env=environment(self._folder), cwd=PROJECT_ROOT, stdout=log, stderr=log
            )

    @property
    def log(self) -> Path:
        return self._folder.log("chaos-traffic")


def walk_time() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
