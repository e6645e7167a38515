"""What measurements share: two clocks, spreads of repeated figures, servers of their own, a way to tell."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any, NamedTuple

import psutil

from include.settings import PROJECT_ROOT, RUN_DIR_VARIABLE, Settings, child_environment, settings_file

Found = dict[str, Any]


class Cost(NamedTuple):
    """Core-seconds (user and system) and seconds of the clock."""

    processor: float
    elapsed: float

    def since(self, before: "Cost") -> "Cost":
        return Cost(self.processor - before.processor, self.elapsed - before.elapsed)


def spent(*roots: psutil.Process) -> float:
    """Core-seconds of the processes and all below them, with those that ended and were waited for."""
    return sum(_own_and_reaped(process) for root in roots for process in tree(root))


def tree(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def pss(processes: Iterable[psutil.Process]) -> int:
    """Bytes of memory; pages that several share count once."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total


def _own_and_reaped(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


class Meter:
    """Reads both clocks of some process trees."""

    def __init__(self, *roots: psutil.Process) -> None:
        self._roots = roots

    def now(self) -> Cost:
        return Cost(spent(*self._roots), monotonic())

    def cost_of(self, work: Callable[[], Any]) -> Cost:
        before = self.now()
        work()
        return self.now().since(before)


def spread(values: Iterable[float], digits: int = 3) -> dict[str, float]:
    known = [float(value) for value in values]
    figures = {"min": min(known), "median": median(known), "max": max(known)}
    return {name: round(value, digits) for name, value in figures.items()} | {"runs": len(known)}


def spread_of_costs(costs: Iterable[Cost]) -> dict[str, dict[str, float]]:
    known = list(costs)
    return {
        "core_seconds": spread(cost.processor for cost in known),
        "seconds": spread(cost.elapsed for cost in known),
    }


def in_cell(figure: dict[str, float], form: str = ",.2f") -> str:
    """A spread as a cell of a table: the median, and from where to where."""
    middle, least, most = (format(figure[name], form) for name in ("median", "min", "max"))
    return middle if figure["runs"] == 1 else f"{middle} ({least} – {most})"


@contextmanager
def own_folder(name: str) -> Iterator[Path]:
    # Not below a folder that only we may enter: PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory(prefix=f"saleslake-{name}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def postgres_of(settings: Settings) -> psutil.Process:
    """The first process of the server that `bench.batch.servers` started."""
    lines = (settings.run_dir / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    return psutil.Process(int(lines[0]))


def broker_of(settings: Settings) -> psutil.Process:
    properties = str(settings.run_dir / "kafka" / "server.properties")
    children = psutil.Process().children(recursive=True)
    return next(child for child in children if properties in child.cmdline())


def command_environment(settings: Settings, **more: str) -> dict[str, str]:
    """What a command of ours needs to work on these servers: written down in the run folder."""
    groups = {"kafka", "postgres", "lake", "stream", "publish", "maintenance", "run_dir", "manifest"}
    stored = settings.model_dump(mode="json", include=groups, exclude={"postgres": {"password"}})
    settings_file(settings.run_dir).write_text(json.dumps(stored))
    variables = {RUN_DIR_VARIABLE: str(settings.run_dir), "PYTHONPATH": str(PROJECT_ROOT)}
    return child_environment(**variables, GX_ANALYTICS_ENABLED="false", **more)


def run_module(settings: Settings, module: str, *words: str) -> None:
    """
    Run a command of ours to its end.

    Raises:
        RuntimeError: it failed.
    """
    log = settings.run_dir / f"{module}.log"
    with log.open("ab") as output:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", module, *words],
            env=command_environment(settings), cwd=settings.run_dir, stdout=output,
            stderr=output, check=False,
        )  # fmt: skip
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise RuntimeError(
            f"Running {module} {' '.join(words)}: it ended with status {done.returncode}. The measurement is"
            f" given up, nothing of it is kept. The end of what it said:\n{tail}"
        )


def write_with_the_writer(settings: Settings) -> None:
    """The product's own lake writer takes what the topic has, in a process of its own, and ends."""
    run_module(settings, "spark.streaming.lake_writer", "--until-caught-up")


def parser_of(program: str, text: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser


def say(found: Found, lines: Iterable[str], json_file: Path | None) -> int:
    """Markdown on the terminal; the figures in the file that was asked for."""
    print("\n".join(lines))
    if json_file:
        json_file.write_text(json.dumps(found, indent=2))
    return 0
