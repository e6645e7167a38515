"""
Does anything grow that should not, hour after hour?

    python -m bench.soak --minutes 60 --rate 200 --json soak.json

A stack of its own without Airflow takes orders at an even rate. Each minute: the memory of every part (PSS:
what it shares with others is divided), the bytes of the order index and of the checkpoint, and how long its
last batch took. What counts is the slope of memory by least squares over the minutes after the first third,
in which JVM and caches fill, in percent of its mean per hour. State grows with the orders, so it is told per
order. Leaves nothing behind.
"""

import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import psutil

from bench.measuring import Found, in_cell, parser_of, pss, say, spread, tree
from bench.own_stack import own_stack, saleslake, silent
from include.sales_db import connect
from include.settings import PostgresSettings, get_settings
from lake.tables import checkpoint, order_index
from spark.streaming.generation import QUERY
from stack.configuration import LAKE_WRITER
from stack.layout import RunFolder
from stack.lifecycle import Wanted, up
from stack.supervisor import Supervisor

TARGET_PERCENT = 1.0
LEAST_HOURS = 5 / 60  # below that a slope per hour is noise
LOOKED_AT = ("driver, Python", "driver, Java", "PostgreSQL", "Kafka")
BATCHES = """
select count(*), coalesce(sum(rows), 0)::bigint from
    (select batch_id, sum(read_rows) as rows from ops.ledger where closed_at > %s group by 1) as batches
"""


@dataclass(frozen=True)
class Size:
    minutes: float = 60
    rate: float = 200
    every_seconds: float = 60


def measure(size: Size) -> Found:
    with own_stack("soak", Wanted(without_airflow=True)) as folder:
        up(folder, Wanted(without_airflow=True, simulator_rate=size.rate), silent)
        looks = _looks(folder, size)
        Supervisor(folder).stop("simulator")
        reconciles = saleslake(folder, "reconcile", "--wait", "180")
    memory = {part: _memory([look["memory"][part] for look in looks], size) for part in LOOKED_AT}
    memory["all"] = _memory([sum(look["memory"].values()) for look in looks], size)
    return {
        "minutes": size.minutes,
        "rate": size.rate,
        "memory": memory,
        "batch_seconds": spread(look["batch_seconds"] for look in looks),
        "batch_seconds_slope_percent_per_hour": slope([look["batch_seconds"] for look in looks], size),
        "state_bytes_per_order": state_per_order(looks),
        "reconciles": reconciles,
        "looks": looks,
    }


def _looks(folder: RunFolder, size: Size) -> list[dict[str, Any]]:
    looks, orders = [], 0
    end = datetime.now(UTC) + timedelta(minutes=size.minutes)
    while (since := datetime.now(UTC)) < end:
        sleep(size.every_seconds)
        look = _look(folder, since)
        orders += look.pop("rows")
        looks.append({**look, "orders": orders})
    return looks


def _look(folder: RunFolder, since: datetime) -> dict[str, Any]:
    settings = get_settings()
    batches, rows, seconds = _batches(settings.postgres, since)
    return {
        "memory": memory_of(folder),
        "order_index": _bytes_in(order_index(settings.lake.root)),
        "checkpoint": _bytes_in(checkpoint(settings.lake.root, QUERY)),
        "batches": batches,
        "rows": rows,
        "batch_seconds": seconds,
    }


def _batches(postgres: PostgresSettings, since: datetime) -> tuple[int, int, float]:
    """How many were closed since, their records, and how long the last one took."""
    with closing(connect(postgres, application_name="bench soak", autocommit=True)) as connection:
        row = connection.execute(BATCHES, [since]).fetchone()
        last = connection.execute("select batch_seconds from ops.stream_progress").fetchone()
    batches, rows = row or (0, 0)
    return int(batches), int(rows), float(last[0] or 0) if last else 0.0


def memory_of(folder: RunFolder) -> dict[str, int]:
    """Bytes by part."""
    programs = Supervisor(folder).programs()
    writer = psutil.Process(programs[LAKE_WRITER].pid)
    java = [child for child in tree(writer) if child.name() == "java"]
    servers = {"PostgreSQL": "postgres", "Kafka": "kafka"}
    return {
        "driver, Python": pss([writer]),
        "driver, Java": pss(java),
        **{part: pss(tree(psutil.Process(programs[name].pid))) for part, name in servers.items()},
    }


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # RocksDB compacts meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


def _memory(values: list[float], size: Size) -> dict[str, Any]:
    return {"megabytes": spread((value / 1e6 for value in values), 1), "slope": slope(values, size)}


def slope(values: list[float], size: Size) -> float | None:
    """Percent of the mean per hour, by least squares, after the first third; None of a few minutes."""
    settled = np.array(values[len(values) // 3 :], dtype=float)
    hours = np.arange(len(settled)) * size.every_seconds / 3_600
    if len(settled) < 3 or hours[-1] < LEAST_HOURS or not settled.mean():
        return None
    rise, _ = np.polyfit(hours, settled, 1)
    return round(float(100 * rise / settled.mean()), 2)


def state_per_order(looks: list[dict[str, Any]]) -> dict[str, float]:
    """What the state grew by from the first look to the last, per order between them."""
    first, last = looks[0], looks[-1]
    orders = max(1, last["orders"] - first["orders"])
    return {name: round((last[name] - first[name]) / orders, 2) for name in ("order_index", "checkpoint")}


def told(found: Found) -> Iterator[str]:
    yield f"{found['minutes']:g} minutes at {found['rate']:g} orders/s.\n"
    yield "| memory (PSS) | MB | slope, % per hour |\n|---|---|---|"
    for part, known in found["memory"].items():
        rise = "too short" if known["slope"] is None else f"{known['slope']:+.2f}"
        yield f"| {part} | {in_cell(known['megabytes'], ',.0f')} | {rise} |"
    batch = found["batch_seconds"]
    yield f"\nA batch took {in_cell(batch)} s. State: " + ", ".join(
        f"{name.replace('_', ' ')} {each:,.1f} bytes more per order"
        for name, each in found["state_bytes_per_order"].items()
    )
    longer = found.get("batch_seconds_slope_percent_per_hour")
    if longer is not None:
        yield f"\nBatches took {longer:+.0f} % per hour: each adds files to the tables, and nothing compacts."
    slopes = [one["slope"] for part, one in found["memory"].items() if part != "all"]
    verdict = "too short to say"
    if None not in slopes:
        verdict = "reached" if max(slopes) < TARGET_PERCENT else "missed"
    yield f"\nTarget: no part's memory grows by {TARGET_PERCENT:g} % per hour or more: {verdict}."


def main(argv: list[str] | None = None) -> int:
    parser = parser_of("bench.soak", __doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long (60)")
    parser.add_argument("--rate", type=float, default=200, help="orders per second (200)")
    parser.add_argument("--every", type=float, default=60, help="seconds between two looks (60)")
    args = parser.parse_args(argv)
    found = measure(Size(args.minutes, args.rate, args.every))
    return say(found, told(found), args.json)


if __name__ == "__main__":
    sys.exit(main())
