"""
What does a cluster cost? The same log, written by the same lake writer: with its tasks in the driver on two
threads, and on a Spark standalone cluster of a master and two workers with a core each, on this machine.

    python -m bench.scale --orders 200000 --runs 3 --json scale.json

In turns, each time with an empty lake, and the session's first orders not counted. Orders per core-second of
all processes concerned: both halves of the driver, the master, the workers with their executors, PostgreSQL.
Leaves nothing behind.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from time import monotonic, sleep

import psutil
import psycopg

from bench.batch import servers
from bench.cluster import cluster
from bench.measuring import Cost, Found, Meter, in_cell, own_folder, parser_of, postgres_of, say, spread
from bench.writer import running_writer
from include.sales_db import connect
from include.settings import Settings
from simulator.schedule import Plan
from simulator.session import Request, send
from simulator.traffic import Shares

TARGET = 0.85
LOCAL, CLUSTER = "local, 2 threads", "standalone, 2 workers of 1 core"
LOOK_SECONDS, MOST_SECONDS = 0.2, 3_600
WARM_SHARE = 0.9


@dataclass(frozen=True)
class Size:
    orders: int = 200_000  # counted
    warm_up: int = 100_000  # before, not counted
    runs: int = 3
    seed: int = 1


def measure(size: Size) -> Found:
    rates: defaultdict[str, list[float]] = defaultdict(list)
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(size.runs):
        for kind in (LOCAL, CLUSTER) if number % 2 == 0 else (CLUSTER, LOCAL):
            orders, cost = _drained(kind, size)
            rates[kind].append(orders / cost.processor)
            seconds[kind].append(orders / cost.elapsed)
    pairs = list(zip(rates[CLUSTER], rates[LOCAL], strict=True))
    return {
        "orders": size.orders,
        "orders_per_core_second": {kind: spread(found, 0) for kind, found in rates.items()},
        "orders_per_second": {kind: spread(found, 0) for kind, found in seconds.items()},
        "ratio": spread(one / other for one, other in pairs),
    }


def _drained(kind: str, size: Size) -> tuple[int, Cost]:
    """The orders that were counted, and what they cost."""
    with own_folder("scale") as folder, servers(folder) as settings:
        plan = Plan(rate=None, count=size.warm_up + size.orders)
        send(Request(plan, Shares(), size.seed), settings.kafka, settings.manifest)
        if kind == LOCAL:
            return _written(settings, size, "", ())
        with cluster(folder / "cluster") as workers:
            return _written(settings, size, workers.url, workers.processes)


def _written(
    settings: Settings, size: Size, master: str, others: tuple[psutil.Process, ...]
) -> tuple[int, Cost]:
    stream = settings.stream.model_copy(update={"master": master, "trigger_seconds": 0})
    with (
        running_writer(settings.model_copy(update={"stream": stream})) as writer,
        closing(connect(settings.postgres, application_name="bench", autocommit=True)) as connection,
    ):
        meter = Meter(writer, postgres_of(settings), *others)
        # Batches are a few records shorter than asked for, as partitions divide them.
        begun, before = _reached(connection, round(WARM_SHARE * size.warm_up)), meter.now()
        ended = _reached(connection, size.warm_up + size.orders)
        return ended - begun, meter.now().since(before)


def _reached(connection: psycopg.Connection, wanted: int) -> int:
    """
    How many records are closed, as soon as it is `wanted` or more.

    Raises:
        TimeoutError: it does not get there.
    """
    deadline, closed = monotonic() + MOST_SECONDS, 0
    while monotonic() < deadline:
        row = connection.execute("select coalesce(sum(read_rows), 0)::bigint from ops.ledger").fetchone()
        closed = row[0] if row else 0
        if closed >= wanted:
            return closed
        sleep(LOOK_SECONDS)
    raise TimeoutError(
        f"Waiting for {wanted:,} records in the ledger: {closed:,} after {MOST_SECONDS} s. The measurement is"
        " given up. The lake writer's log says why it is slow, or run it with fewer orders."
    )


def told(found: Found) -> Iterator[str]:
    yield "| the same stream | orders per core-second | orders per second |\n|---|---|---|"
    for kind, rate in found["orders_per_core_second"].items():
        yield f"| {kind} | {in_cell(rate, ',.0f')} | {in_cell(found['orders_per_second'][kind], ',.0f')} |"
    yield (
        f"\nTarget: on the cluster {TARGET:g} × the orders per core-second of local mode or more;"
        f" {in_cell(found['ratio'])} × in each of the turns."
    )


def main(argv: list[str] | None = None) -> int:
    parser = parser_of("bench.scale", __doc__)
    usual = Size()
    parser.add_argument("--orders", type=int, default=usual.orders, help="counted (200,000)")
    parser.add_argument("--warm-up", type=int, default=usual.warm_up, help="before, not counted (100,000)")
    parser.add_argument("--runs", type=int, default=usual.runs, help="of each, in turns (3)")
    args = parser.parse_args(argv)
    found = measure(Size(args.orders, args.warm_up, args.runs))
    return say(found, told(found), args.json)


if __name__ == "__main__":
    sys.exit(main())
