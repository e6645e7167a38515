"""
What does publishing an hour cost, against the bare COPY of the rows that it leaves in PostgreSQL?

    python -m bench.published --orders 100000 --runs 3 --json published.json

The lake writer writes an hour of orders; then, in turns, `include.publish` publishes it into empty marts, and
the same rows of the same five marts are copied, as the text that PostgreSQL itself made of them, into tables
beside them: unlogged and ordinary ones without indexes, and ordinary ones with the marts' indexes and checks;
at last into the marts, which check foreign keys and are partitioned. Core-seconds of this process and of
PostgreSQL. Everything is imported beforehand: `bench.start` tells what a task costs from its start on.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from unittest.mock import patch

import psutil
import psycopg
from psycopg import sql

from bench.batch import servers
from bench.measuring import (
    Cost,
    Found,
    Meter,
    in_cell,
    own_folder,
    parser_of,
    postgres_of,
    say,
    spread,
    spread_of_costs,
    write_with_the_writer,
)
from include.publish import run as publishing
from include.publish.marts import MARTS
from include.publish.request import Request
from include.quality.audit import Audit
from include.sales_db import connect
from include.settings import Settings, without_analytics
from simulator.schedule import Plan
from simulator.session import Request as Orders
from simulator.session import send
from simulator.traffic import Shares
from stack.postgres import PostgresServer

TARGET = 3.0
HOUR = timedelta(hours=1)
KINDS = {
    "unlogged tables, no index": ("unlogged", "including defaults"),
    "ordinary tables, no index": ("", "including defaults"),
    "ordinary tables, with indexes": ("", "including defaults including constraints including indexes"),
}
THEMSELVES = "the marts themselves"
# Of a publish, what is done where.
STEPS = {
    "staging silver and gold": (publishing, "stage"),
    "quality gates": (Audit, "look_at"),
    "gate on sums": (publishing, "check"),
    "replacing the hour": (publishing, "publish_hour"),
}


@dataclass(frozen=True)
class Size:
    orders: int = 100_000
    runs: int = 3
    seed: int = 1


@dataclass(frozen=True)
class Stand:
    """A lake with one hour, the database it is published to, and who is asked for what."""

    settings: Settings
    hour: datetime
    meter: Meter
    loader: psycopg.Connection
    superuser: psycopg.Connection

    def publish(self) -> None:
        """
        Raises:
            RuntimeError: the hour was not published.
        """
        request = Request("bench", [self.hour])
        lake = self.settings.lake.root
        summary = publishing.publish(self.loader, lake, self.settings.publish, request)
        if [result.outcome for result in summary.results] != ["published"]:
            raise RuntimeError(f"Publishing the hour that was written: {summary.as_text()}")

    def empty_marts(self) -> None:
        tables = [*(mart.table for mart in MARTS), sql.Identifier("marts", "publications")]
        self.superuser.execute(sql.SQL("truncate {} cascade").format(sql.SQL(", ").join(tables)))
        self.superuser.execute("checkpoint")


def measure(size: Size) -> Found:
    without_analytics()
    with own_folder("published") as folder, servers(folder) as settings:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
        plan = Plan(rate=None, count=size.orders, start=hour, span=HOUR)
        send(Orders(plan, Shares(), size.seed), settings.kafka, settings.manifest)
        write_with_the_writer(settings)
        with stand(settings, hour) as ready:
            return compared(ready, size)


@contextmanager
def stand(settings: Settings, hour: datetime) -> Iterator[Stand]:
    data = settings.run_dir / "postgres" / "data"
    server = PostgresServer(data, settings.postgres.port, settings.run_dir / "postgres" / "admin")
    meter = Meter(psutil.Process(), postgres_of(settings))
    with (
        closing(connect(settings.postgres, application_name="bench publish", autocommit=True)) as loader,
        closing(
            connect(server.as_superuser("sales"), application_name="bench", autocommit=True)
        ) as superuser,
    ):
        yield Stand(settings, hour, meter, loader, superuser)


def compared(ready: Stand, size: Size) -> Found:
    ready.publish()  # the first one imports and compiles what the others find ready
    rows = {mart.name: _rows(ready.superuser, mart.table) for mart in MARTS}
    costs: defaultdict[str, list[Cost]] = defaultdict(list)
    steps: defaultdict[str, list[Cost]] = defaultdict(list)
    for _ in range(size.runs):
        ready.empty_marts()
        with cost_of_steps(ready.meter) as taken:
            costs["publish"].append(ready.meter.cost_of(ready.publish))
        for step, cost in taken.items():
            steps[step].append(cost)
        for kind in KINDS:
            _make_tables(ready.superuser, kind)
            costs[kind].append(ready.meter.cost_of(lambda: _copy(ready.superuser, rows, "bare")))
            ready.superuser.execute("drop schema bare cascade")
        ready.empty_marts()
        costs[THEMSELVES].append(ready.meter.cost_of(lambda: _copy(ready.superuser, rows, "marts")))
    return {
        "orders": size.orders,
        "rows": {name: text.count(b"\n") for name, text in rows.items()},
        "bytes_copied": sum(map(len, rows.values())),
        "costs": {name: spread_of_costs(found) for name, found in costs.items()},
        "steps": {name: spread_of_costs(found) for name, found in steps.items()},
        "ratios": {kind: _ratio(costs["publish"], costs[kind]) for kind in (*KINDS, THEMSELVES)},
    }


def _ratio(publish: list[Cost], copy: list[Cost]) -> dict[str, Any]:
    """Run by run: what slows the machine down for a while slows both."""
    pairs = list(zip(publish, copy, strict=True))
    return {
        "core_seconds": spread(one.processor / other.processor for one, other in pairs),
        "seconds": spread(one.elapsed / other.elapsed for one, other in pairs),
    }


@contextmanager
def cost_of_steps(meter: Meter) -> Iterator[dict[str, Cost]]:
    """Within the block, what each step of a publish costs."""
    taken: dict[str, Cost] = {}

    def timed(name: str, work: Any) -> Any:
        def step(*arguments: Any, **named: Any) -> Any:
            before = meter.now()
            try:
                return work(*arguments, **named)
            finally:
                taken[name] = meter.now().since(before)

        return step

    patches = [
        patch.object(owner, attribute, timed(name, getattr(owner, attribute)))
        for name, (owner, attribute) in STEPS.items()
    ]
    for one in patches:
        one.start()
    try:
        yield taken
    finally:
        for one in patches:
            one.stop()


def _rows(connection: psycopg.Connection, table: sql.Identifier) -> bytes:
    buffer = BytesIO()
    with connection.cursor().copy(sql.SQL("copy (select * from {}) to stdout").format(table)) as stream:
        for piece in stream:
            buffer.write(piece)
    return buffer.getvalue()


def _make_tables(connection: psycopg.Connection, kind: str) -> None:
    persistence, including = KINDS[kind]
    connection.execute("create schema bare")
    for mart in MARTS:
        made = sql.SQL("create {} table {} (like {} {})").format(
            sql.SQL(persistence), sql.Identifier("bare", mart.name), mart.table, sql.SQL(including)
        )
        connection.execute(made)
    connection.execute("checkpoint")


def _copy(connection: psycopg.Connection, rows: dict[str, bytes], schema: str) -> None:
    """All in one transaction, as a publish does it."""
    with connection.transaction(), connection.cursor() as cursor:
        for name, text in rows.items():
            statement = sql.SQL("copy {} from stdin").format(sql.Identifier(schema, name))
            with cursor.copy(statement) as stream:
                stream.write(text)


def told(found: Found) -> Iterator[str]:
    count = sum(found["rows"].values())
    yield f"One hour of {found['orders']:,} orders, {count:,} rows of {len(found['rows'])} marts:\n"
    yield "| | core-seconds | seconds | publish costs so many times as much, core-seconds | seconds |"
    yield "|---|---|---|---|---|"
    for name, cost in found["costs"].items():
        ratio = found["ratios"].get(name)
        cells = [in_cell(ratio[unit], ".1f") for unit in ("core_seconds", "seconds")] if ratio else ["", ""]
        label = name if name == "publish" else f"COPY into {name}"
        own = (in_cell(cost[unit]) for unit in ("core_seconds", "seconds"))
        yield f"| {label} | {' | '.join([*own, *cells])} |"
    yield "\n| of a publish | core-seconds | seconds |\n|---|---|---|"
    for name, cost in found["steps"].items():
        yield f"| {name} | {in_cell(cost['core_seconds'])} | {in_cell(cost['seconds'])} |"
    reached = found["ratios"][THEMSELVES]["core_seconds"]["median"]
    verdict = "reached" if reached <= TARGET else "missed"
    yield f"\nTarget: at most {TARGET:g} × the COPY into {THEMSELVES}; {reached:.1f} ×, {verdict}."


def main(argv: list[str] | None = None) -> int:
    parser = parser_of("bench.published", __doc__)
    parser.add_argument("--orders", type=int, default=100_000, help="of the hour (100,000)")
    parser.add_argument("--runs", type=int, default=3, help="counted, in turns (3)")
    args = parser.parse_args(argv)
    found = measure(Size(args.orders, args.runs))
    return say(found, told(found), args.json)


if __name__ == "__main__":
    sys.exit(main())
