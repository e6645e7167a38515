"""
The parts of the benchmark. Each runs in a process of its own, so that none inherits a virtual machine, a
connection or a failure from the one before.

    python -m bench.sections throughput --request '{"mode": "quick", "seed": 1}' --json throughput.json
"""

import argparse
import importlib
import json
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from bench.measuring import Found

Mode = Literal["quick", "full"]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What a section is asked for. None: what is usual in its mode."""

    mode: Mode = "quick"
    seed: int = 1
    orders: int | None = None
    runs: int | None = None
    best_peer: str | None = None  # by an earlier section

    @property
    def is_quick(self) -> bool:
        return self.mode == "quick"


@dataclass(frozen=True)
class Section:
    """`module` holds `told` and, unless `work` says otherwise, `Size` and `measure`."""

    title: str
    about: str
    module: str
    minutes: tuple[int, int]  # about, quick and full, on two slow cores; 0: no part of a quick run
    quick: Callable[[], dict[str, Any]] = dict
    full: Callable[[], dict[str, Any]] = dict
    work: str = "usual"
    tells: bool = False  # of its progress

    def is_part_of(self, mode: Mode) -> bool:
        return bool(self.minutes[mode == "full"])


def _small_growth() -> dict[str, Any]:
    from bench.twin_lakes import Work

    work = Work(records=(2_000,), batches=3, rounds=1, hour_orders=2_000, warm_up=10_000)
    return {"orders": (100_000,), "commits": (), "partitions": (), "work": work}


SECTIONS = {
    "throughput": Section(
        "Throughput",
        "Every contender drains the same backlog into the same answers, in turns.",
        "bench.throughput", (5, 240),
        work="throughput",
    ),
    "floors": Section(
        "Floors",
        "What the engine and its parts cost when they do less and less of the work.",
        "bench.floors", (2, 10),
        quick=lambda: {"records": 20_000, "batches": 3, "warm_up": 3}, tells=True,
    ),
    "profiles": Section(
        "Where the time goes", "Core-microseconds of a record in the lake writer, by thread and by function.",
        "bench.profiles", (0, 7),
    ),
    "latency": Section(
        "Latency",
        "From an order's arrival in Kafka to its being counted in PostgreSQL, at a steady rate.",
        "bench.latencies", (3, 40),
        work="latency",
    ),
    "correctness": Section(
        "Wrong answers",
        "What is left of the truth when orders come twice, late, broken and contradicting themselves.",
        "bench.correctness", (0, 15),
        work="correctness",
    ),
    "growth": Section(
        "Growth",
        "Does a batch, or publishing an hour, cost more when the lake is large?",
        "bench.growth", (0, 90),
        quick=_small_growth,
        full=lambda: {"orders": (1_000_000, 10_000_000), "commits": (100, 1_000, 5_000),
                      "partitions": (1, 4, 16)},
    ),
    "published": Section(
        "Publishing an hour",
        "Against the bare COPY of the rows that it leaves in PostgreSQL.",
        "bench.published", (0, 10),
    ),
    "disk": Section(
        "Bytes and maintenance",
        "How many bytes an order takes, wherever it lies, and what keeping tables compact costs.",
        "bench.disk", (0, 10),
        full=lambda: {"orders": 500_000, "rate": 1_000},
    ),
    "dashboards": Section(
        "Dashboards", "How long dashboards' and analysts' queries take over 10,000,000 order lines.",
        "bench.dashboards", (0, 20),
    ),
    "start": Section("Start", "From a command to the moment when it is of use.", "bench.start", (0, 15)),
    "scale": Section(
        "A cluster",
        "The same stream with its tasks on a Spark standalone cluster of two workers.",
        "bench.scale", (0, 12),
        full=lambda: {"orders": 250_000, "warm_up": 150_000},
    ),
    "capacity": Section(
        "Capacity model", "What the model foretells for another size and rate, and what is measured there.",
        "bench.capacity", (0, 15),
    ),
    "soak": Section("Soak", "Does anything grow that should not, over an hour?", "bench.soak", (0, 65)),
}  # fmt: skip


def is_there(section: Section) -> bool:
    return find_spec(section.module) is not None


def takes_seed(section: Section) -> bool:
    """The others have orders of no seed, or of one of their own."""
    if section.work != "usual":
        return True
    return any(one.name == "seed" for one in fields(importlib.import_module(section.module).Size))


def measure(name: str, asked: Asked, tell: Tell) -> Found:
    section = SECTIONS[name]
    if section.work != "usual":
        from bench import contests

        work: Callable[[Asked, Tell], Found] = getattr(contests, section.work)
        return work(asked, tell)
    module = importlib.import_module(section.module)
    seed = {"seed": asked.seed} if takes_seed(section) else {}
    size = module.Size(**(section.quick if asked.is_quick else section.full)(), **seed)
    tell(f"{section.title}: {size}")
    found: Found = module.measure(size, *([tell] if section.tells else []))
    return found


def told(name: str, found: Found) -> str:
    """Markdown."""
    lines: str | Iterable[str] = importlib.import_module(SECTIONS[name].module).told(found)
    return lines if isinstance(lines, str) else "\n".join(lines)


def _end(number: int, _: object) -> None:
    """As an exception, so that whatever was started is ended on the way out."""
    raise SystemExit(128 + number)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="bench.sections", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("section", choices=SECTIONS)
    parser.add_argument("--request", default="{}", help="as JSON: mode, seed, orders, runs")
    parser.add_argument("--json", type=Path, required=True, help="write the figures there")
    args = parser.parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    found = measure(args.section, Asked(**json.loads(args.request)), lambda line: print(line, flush=True))
    args.json.write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
