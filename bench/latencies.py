"""
How old is an order when PostgreSQL's answers have it, from its arrival in Kafka on?

    python -m bench.latencies --rates 200 1000 --seconds 60 --json latencies.json

Each contender runs from an empty topic; a process beside it sends clean orders at an even pace. After a
warm-up every order counts: the broker says when it arrived, a look at the answers every 50 ms how many are
in. One clock, one machine, which contender, broker, PostgreSQL and sender share. Saleslake also with shorter
trigger intervals, and as the whole stack with Airflow. A rate is held when the backlog does not grow. Leaves
nothing behind.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

import numpy as np

from bench.ages import CountWatch, Look, ages, arrivals, backlogs, grows
from bench.contender import SO_FAR, BenchmarkError, Contender, Running, running
from bench.guarantees import gives_all
from bench.latency_words import OF_INTERVALS, in_words, told
from bench.measuring import Found, own_folder, parser_of, say, spent
from bench.order_log import broker
from bench.own_stack import own_stack
from bench.saleslake import Saleslake
from bench.sending import sender
from include.settings import KafkaSettings, PostgresSettings, get_settings
from stack.lifecycle import Wanted

FIRST_ORDERS, FIRST_RATE = 200, 100
START_SECONDS, END_SECONDS = 240, 60
IN_THE_STACK = "select coalesce(sum(orders), 0) from live.order_value_minute"
# What Spark says of a batch that took longer than the trigger interval.
FELL_BEHIND = "Current batch is falling behind"
MOST_BEHIND = 0.05
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    rates: tuple[int, ...] = (200, 1_000, 5_000)
    intervals: tuple[float, ...] = (1.0, 0.5)  # of Saleslake's trigger, beside the default
    seconds: int = 60
    warm_up: int = 60
    with_airflow: bool = True
    seed: int = 1


def measure(contenders: Sequence[Contender], size: Size, tell: Tell, *, few: Sequence[str] = ()) -> Found:
    """
    A row for each contender and rate; what went wrong stands in its row.

    Args:
        few: names of those that are offered other rates than 1,000/s, too; empty: everybody is.
    """
    rows: list[dict[str, Any]] = []

    def add(who: dict[str, Any], rate: int, work: Callable[[Path], dict[str, Any]]) -> None:
        row = {**who, "rate": rate}
        with own_folder("latency") as folder:
            try:
                row |= work(folder)
            except (BenchmarkError, RuntimeError) as error:
                row["failed"] = str(error)
        rows.append(row)
        tell(in_words(row))

    for rate in size.rates:
        for one in contenders:
            if few and one.name not in few and rate != OF_INTERVALS:
                continue
            who = {"name": one.name, "title": one.title, "airflow": False}
            who["equal"] = gives_all(one.guarantees._asdict())
            add(who, rate, lambda folder, one=one, rate=rate: of_contender(one, rate, size, folder))  # type: ignore[misc]
    for interval in size.intervals:
        ours = Saleslake(stream={"trigger_seconds": interval})
        who = {"name": ours.name, "title": ours.title, "airflow": False, "interval": interval}
        add(who, OF_INTERVALS, lambda folder, ours=ours: of_contender(ours, OF_INTERVALS, size, folder))  # type: ignore[misc]
    if size.with_airflow:
        who = {"name": "saleslake", "title": "Saleslake, the whole stack", "airflow": True}
        for rate in size.rates:
            add(who, rate, lambda _, rate=rate: of_stack(rate, size))  # type: ignore[misc]
    for row in rows:
        if row["name"] == "saleslake":
            row.setdefault("interval", get_settings().stream.trigger_seconds)
    return {"seconds": size.seconds, "warm_up": size.warm_up, "rows": rows, "shortest": shortest(rows)}


def of_contender(contender: Contender, rate: int, size: Size, folder: Path) -> dict[str, Any]:
    with broker(folder) as topic, running(contender, topic, folder / "contender") as run:
        log = run.log if contender.name == "saleslake" else None
        return offered(topic, run.answers, SO_FAR, rate, size, folder, run=run, log=log)


def of_stack(rate: int, size: Size) -> dict[str, Any]:
    """All parts of Saleslake, Airflow among them."""
    with own_stack("latency", Wanted()) as folder, own_folder("sender") as notes:
        settings = get_settings()
        log = folder.root / "log" / "lake-writer.log"
        return offered(
            settings.kafka,
            settings.postgres,
            IN_THE_STACK,
            rate,
            size,
            notes,
            log=log if log.is_file() else None,
        )


def offered(
    topic: KafkaSettings, answers: PostgresSettings, query: str, rate: int, size: Size, folder: Path, *,
    run: Running | None = None, log: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """
    Orders are sent at that rate; how old they got.

    Raises:
        BenchmarkError: not even the first orders came through, or the contender ended.
    """
    look: Callable[[], object] = run.look if run else lambda: None
    notes = folder / "manifest.sqlite"
    count = rate * (size.warm_up + size.seconds)
    with CountWatch(answers, query) as watch:
        with sender(topic, notes, rate=FIRST_RATE, count=FIRST_ORDERS, seed=size.seed) as first:
            if not watch.wait_for(FIRST_ORDERS, seconds=START_SECONDS, look=look):
                raise BenchmarkError(
                    f"Waiting for the first {FIRST_ORDERS} orders: {watch.orders} were in PostgreSQL after"
                    f" {START_SECONDS} s. Its figures do not count. Look at its log."
                )
            first.core_seconds()
        began = time()
        with sender(topic, notes, rate=rate, count=count, seed=size.seed + 1) as sending:
            watch.wait_for(FIRST_ORDERS + rate * size.warm_up, seconds=size.warm_up, look=look)
            said, used = _said(log), _used(run)
            warm = time()
            while not sending.is_done():
                watch.wait_for(FIRST_ORDERS + count, seconds=1, look=look)
            cores = (_used(run) - used) / (time() - warm)
            told_behind = _said(log) - said
            own = sending.core_seconds() / (time() - began)
        watch.wait_for(FIRST_ORDERS + count, seconds=END_SECONDS, look=look)
    found = figures(arrivals(topic), watch.looks, since=warm, rate=rate)
    processors = {"sender_cores": round(own, 2)} | ({"cores": round(cores, 2)} if run else {})
    return found | processors | ({"behind": told_behind} if log else {})


def figures(arrived: Any, looks: Sequence[Look], *, since: float, rate: int) -> dict[str, Any]:
    """Of the orders that arrived after `since`. One never seen is as old as the last look makes it."""
    known = ages(arrived, looks)
    never = np.isnan(known)
    known[never] = looks[-1].at - arrived[never]
    counted = known[arrived >= since]
    if not len(counted):
        raise BenchmarkError("Looking for orders after the warm-up: there is none. Send for a longer time.")
    during = [look for look in looks if since <= look.at <= arrived[-1]]
    waiting = backlogs(arrived, during)
    came = len(counted) / (arrived[-1] - since)
    p50, p95, p99, most = np.percentile(counted, [50, 95, 99, 100])
    batches = len({look.orders for look in during})
    is_held = not never.any() and not grows(waiting, rate) and came >= 0.95 * rate
    return {
        "orders": len(counted), "arrived_per_second": round(came),
        "p50": round(p50, 3), "p95": round(p95, 3), "p99": round(p99, 3), "max": round(most, 3),
        "never_seen": int(never.sum()), "batches": batches,
        "backlog_most": int(waiting.max(initial=0)),
        "sustained": bool(is_held),
    }  # fmt: skip


def _said(log: Path | None) -> int:
    """How many batches took longer than the trigger interval, so far."""
    return log.read_text(errors="replace").count(FELL_BEHIND) if log else 0


def _used(run: Running | None) -> float:
    return spent(run.server) + run.samples[-1].processor if run and run.samples else 0.0


def shortest(rows: Sequence[dict[str, Any]]) -> float | None:
    """Of Saleslake's trigger intervals the shortest within which 95 of 100 batches are done."""
    held = [
        row["interval"]
        for row in rows
        if row["name"] == "saleslake" and not row["airflow"] and row["rate"] == OF_INTERVALS
        if row.get("sustained") and row["behind"] <= MOST_BEHIND * row["batches"]
    ]
    return min(held, default=None)


def main(argv: list[str] | None = None) -> int:
    parser = parser_of("bench.latencies", __doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[200, 1_000], help="orders per second")
    parser.add_argument("--intervals", type=float, nargs="*", default=[], help="further ones of the trigger")
    parser.add_argument("--seconds", type=int, default=60, help="that count (60)")
    parser.add_argument("--warm-up", type=int, default=60, help="seconds before them (60)")
    parser.add_argument("--airflow", action="store_true", help="also the whole stack")
    args = parser.parse_args(argv)
    size = Size(tuple(args.rates), tuple(args.intervals), args.seconds, args.warm_up, args.airflow)
    found = measure([Saleslake()], size, lambda line: print(line, file=sys.stderr))
    return say(found, [told(found)], args.json)


if __name__ == "__main__":
    sys.exit(main())
