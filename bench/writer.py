"""The lake writer as a process of its own, as the stack starts it, in front of the measurement's servers."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from bench.measuring import command_environment, tree
from include.settings import Settings
from stack.health import stream_health
from stack.processes import wait_until

START_SECONDS = 300
END_SECONDS = 60


@contextmanager
def running_writer(settings: Settings) -> Iterator[psutil.Process]:
    """It writes inside the block, and both of its halves are gone afterwards."""
    log = settings.run_dir / "lake-writer.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "spark.streaming.lake_writer"],
            env=command_environment(settings), cwd=settings.run_dir, stdout=output, stderr=output,
        )  # fmt: skip
    writer = psutil.Process(process.pid)
    try:
        wait_until(lambda: _says_it_runs(settings, process), seconds=START_SECONDS, what="the lake writer")
        yield writer
    finally:
        halves = tree(writer)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        end_all(halves)
        process.wait()


def _says_it_runs(settings: Settings, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        tail = (settings.run_dir / "lake-writer.log").read_text(errors="replace").splitlines()[-15:]
        raise RuntimeError(
            f"Starting the lake writer: it ended with status {process.returncode}. The measurement is given"
            " up, nothing of it is kept. The end of what it said:\n" + "\n".join(tail)
        )
    return stream_health(settings.postgres, process.pid) is None


def end_all(processes: list[psutil.Process]) -> None:
    """None of them is left. psutil knows a process by number and start, so nobody else's is met."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
