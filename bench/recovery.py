"""
How long does the stream need to recover? Measured on a stack of its own, without Airflow.

    python -m bench.recovery --rounds 10 --seed 1          # kills and stops at random moments
    python -m bench.recovery --rounds 0 --backlog 120000   # what ten minutes at 200 orders/s leave

Noticed: until the process manager has started another driver. Committing: from then to its first ledger
row, orders arriving all the time. Caught up: from the start of a driver until nothing of a backlog, sent at
once while there was none, is missing. Ends with a reconciliation. Exit code 1 when a target or a cent is
missed.
"""

import argparse
import json
import os
import random
import signal
import sys
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from statistics import quantiles
from time import monotonic, sleep
from typing import NamedTuple

import psutil

from bench.own_stack import own_stack, saleslake, silent
from include.sales_db import connect
from include.settings import PostgresSettings, get_settings
from stack.catching_up import wait_for_lake
from stack.configuration import LAKE_WRITER
from stack.layout import RunFolder
from stack.lifecycle import Wanted, up
from stack.processes import wait_until
from stack.supervisor import Supervisor

NOTICED_TARGET = COMMITTING_TARGET = 60.0
BACKLOG_TARGET = 300.0
PATIENCE_SECONDS = 300
HALVES = ("python", "java")
FAULTS = ("kill python", "kill java", "stop python", "stop java", "stop both")


class Recovery(NamedTuple):
    """One fault; times in seconds."""

    fault: str
    noticed: float
    committing: float


def halves(python: int) -> tuple[int, int]:
    """The driver's Python half and its Java half."""
    java = [c.pid for c in psutil.Process(python).children(recursive=True) if c.name() == "java"]
    return python, java[0]


def inflict(fault: str, python: int) -> None:
    what, _, who = fault.partition(" ")
    both = halves(python)
    victims = both if who == "both" else [both[HALVES.index(who)]]
    for pid in victims:
        os.kill(pid, signal.SIGKILL if what == "kill" else signal.SIGSTOP)


def recover_from(fault: str, supervisor: Supervisor, postgres: PostgresSettings) -> Recovery:
    """Inflict `fault` on the running driver and wait for the first batch of the next one."""
    victim = supervisor.programs()[LAKE_WRITER].pid
    inflict(fault, victim)
    began = datetime.now(UTC)
    wait_until(
        lambda: supervisor.programs()[LAKE_WRITER].pid not in (0, victim),
        seconds=PATIENCE_SECONDS,
        what="another driver",
    )
    replaced = datetime.now(UTC)
    committed = first_batch_after(replaced, postgres)
    return Recovery(fault, (replaced - began).total_seconds(), (committed - replaced).total_seconds())


def first_batch_after(instant: datetime, postgres: PostgresSettings) -> datetime:
    query = "select min(closed_at) from ops.ledger where closed_at > %s"
    deadline = monotonic() + PATIENCE_SECONDS
    with closing(connect(postgres, application_name="bench", autocommit=True)) as connection:
        while monotonic() < deadline:
            row = connection.execute(query, (instant,)).fetchone()
            if row and row[0]:
                return row[0]
            sleep(0.2)
    raise TimeoutError(f"no batch within {PATIENCE_SECONDS} s of {instant}")


def measure_faults(folder: RunFolder, rounds: int, draw: random.Random, rate: float) -> list[Recovery]:
    """Every kind of fault in turn, at random moments, while orders arrive."""
    postgres, supervisor = get_settings().postgres, Supervisor(folder)
    up(folder, Wanted(without_airflow=True, simulator_rate=rate), silent)
    first_batch_after(datetime.now(UTC), postgres)
    done = []
    for number in range(rounds):
        sleep(draw.uniform(0, 10))
        done.append(recover_from(FAULTS[number % len(FAULTS)], supervisor, postgres))
        fault, noticed, committing = done[-1]
        print(f"  {fault}: noticed {noticed:.1f} s, committing {committing:.1f} s more", flush=True)
    supervisor.stop("simulator")
    return done


def measure_backlog(folder: RunFolder, records: int) -> float:
    """Seconds from the start of a driver until it has what was sent while there was none."""
    supervisor, settings = Supervisor(folder), get_settings()
    supervisor.stop(LAKE_WRITER)
    saleslake(folder, "simulate", "--count", str(records))
    supervisor.start(LAKE_WRITER)
    began = monotonic()
    wait_for_lake(settings.kafka, settings.postgres, lambda _: None)
    return monotonic() - began


def spread(values: Iterable[float]) -> dict[str, float]:
    """p50, p95 and the largest."""
    known = sorted(values)
    cuts = quantiles(known, n=100, method="inclusive") if len(known) > 1 else known * 99
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1), "max": round(known[-1], 1)}


def summary(recoveries: list[Recovery]) -> dict[str, dict[str, dict[str, float]]]:
    """By fault, and over all."""
    by_fault: defaultdict[str, list[Recovery]] = defaultdict(list)
    for one in recoveries:
        by_fault[one.fault].append(one)
        by_fault["all"].append(one)
    return {
        fault: {
            "noticed_seconds": spread(one.noticed for one in known),
            "committing_seconds": spread(one.committing for one in known),
        }
        for fault, known in sorted(by_fault.items())
    }


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.recovery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10, help="faults to inflict (10)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (1)")
    parser.add_argument("--rate", type=float, default=50, help="orders per second meanwhile (50)")
    parser.add_argument("--backlog", type=int, default=0, help="records to send while there is no driver (0)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    with own_stack("recovery", Wanted(without_airflow=True)) as folder:
        recoveries = measure_faults(folder, args.rounds, random.Random(args.seed), args.rate)  # noqa: S311
        caught_up = measure_backlog(folder, args.backlog) if args.backlog else None
        reconciles = saleslake(folder, "reconcile", "--wait", "180")
    found = {"recovery": summary(recoveries), "backlog_records": args.backlog,
             "caught_up_seconds": caught_up, "reconciles": reconciles}  # fmt: skip
    print(json.dumps(found, indent=2))
    in_time = all(one.noticed <= NOTICED_TARGET and one.committing <= COMMITTING_TARGET for one in recoveries)
    return 0 if in_time and reconciles and (caught_up or 0) <= BACKLOG_TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
