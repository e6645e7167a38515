"""
Where the core-seconds of a record go in the lake writer: by thread, and by function of its Python half.

    python -m bench.profiles --orders 800000 --json profile.json

The writer's own query drains a log of clean orders, then one of the simulator's default faulty traffic, each
into a lake of its own; one virtual machine does both. The second half of each log is counted. The kernel's
account says what each thread had of the processor. Python's threads are sampled: a sample weighs what its
thread had since the one before, and counts for the innermost function of ours. Leaves nothing behind.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
from pyspark.sql import SparkSession

from bench.batch import Meter, drain, servers
from bench.measuring import Cost, Found, own_folder, parser_of, postgres_of, say
from bench.order_log import CLEAN, DEFAULT_TRAFFIC, SPAN
from bench.sampling import Sampler
from bench.tables import markdown
from include.settings import Settings
from simulator.schedule import Plan
from simulator.session import Request, send
from simulator.traffic import Shares
from spark.session import get_session
from spark.streaming.topic import Topic

TRAFFIC = {"clean orders": CLEAN, "default faulty traffic": DEFAULT_TRAFFIC}
LEAST_SHOWN = 0.15  # core-microseconds a record


@dataclass(frozen=True)
class Size:
    orders: int = 800_000
    seed: int = 1


class CountingMeter(Meter):
    """Begins to sample when so many batches are closed."""

    def begin_after(self, batches: int, sampler: Sampler) -> None:
        self._left, self._sampler = batches, sampler

    def note(self, step: str) -> None:
        if step == "after_close":
            self._left -= 1
            if self._left == 0:
                self._sampler.begin()


def measure(size: Size) -> Found:
    """
    Returns:
        By traffic: `records` counted, and core-microseconds of one: `threads` and `functions`, by name.
    """
    found: dict[str, Any] = {}
    spark: SparkSession | None = None
    for name, shares in TRAFFIC.items():
        with own_folder("profiles") as folder, servers(folder) as settings:
            spark = spark or get_session("bench.profiles", settings.stream)
            _send(settings, shares, size)
            found[name] = _profile(spark, settings)
    return {"orders": size.orders, "traffic": found}


def _send(settings: Settings, shares: Shares, size: Size) -> None:
    plan = Plan(rate=None, count=size.orders, span=SPAN)
    send(Request(plan, shares, size.seed), settings.kafka, settings.manifest)


def _profile(spark: SparkSession, settings: Settings) -> Found:
    java = psutil.Process(spark.sparkContext._gateway.proc.pid)  # type: ignore[union-attr]
    sampler = Sampler(java, postgres_of(settings))
    meter = CountingMeter(java.pid, [], Cost(0, 0))
    records = sum(Topic(settings.kafka).end_offsets().values())
    before = records // settings.stream.max_offsets_per_trigger // 2
    meter.begin_after(before, sampler)
    drain(spark, settings, meter)
    sampler.end()
    counted = records - before * settings.stream.max_offsets_per_trigger
    return {
        "records": counted,
        **{
            kind: {name: round(seconds * 1e6 / counted, 2) for name, seconds in by_name.items()}
            for kind, by_name in (("threads", sampler.threads), ("functions", sampler.functions))
        },
    }


def told(found: Found) -> Iterator[str]:
    """Markdown."""
    traffic = found["traffic"]
    for kind, head in (("threads", "thread"), ("functions", "innermost function of ours")):
        names = dict.fromkeys(name for one in traffic.values() for name in one[kind])
        rows = [[name, *(one[kind].get(name, 0) for one in traffic.values())] for name in names]
        rows = sorted((row for row in rows if max(row[1:]) >= LEAST_SHOWN), key=lambda row: -row[1])
        total = ["all of it", *(sum(one[kind].values()) for one in traffic.values())]
        lines = [[str(row[0]), *(f"{figure:.1f}" for figure in row[1:])] for row in (*rows, total)]
        yield markdown([head, *traffic], lines) + "\n"
    counted = " and ".join(f"{one['records']:,} of {name}" for name, one in traffic.items())
    yield f"Core-microseconds a record, of {counted}."


def main(argv: list[str] | None = None) -> int:
    parser = parser_of("bench.profiles", __doc__)
    parser.add_argument("--orders", type=int, default=Size.orders, help="of each log (800,000)")
    parser.add_argument("--seed", type=int, default=1, help="of the orders (1)")
    args = parser.parse_args(argv)
    found = measure(Size(args.orders, args.seed))
    return say(found, told(found), args.json)


if __name__ == "__main__":
    sys.exit(main())
