"""
How many bytes does an order take, wherever it lies, and what does it cost to keep the tables compact?

    python -m bench.disk --orders 200000 --rate 1000 --json disk.json

Orders as they come at `--rate`, with repeats, late and broken ones, are written by the lake writer in batches
of two seconds' worth; their hours, but for those of late ones, are published. Bytes are counted then, and
once more after the writer has compacted the days of every table, asked for as the DAG `maintain_lake` asks.
Of Delta tables, what the newest version needs; the table's log, and files that were replaced and lie there
for a week, have columns of their own. Maintenance: core-seconds of the writer, of who asks and of PostgreSQL,
less what they use when idle. Leaves nothing behind.
"""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any, LiteralString

import psutil
import psycopg
import pyarrow.compute as pc

from bench.batch import servers
from bench.measuring import Cost, Found, Meter, own_folder, parser_of, postgres_of, say
from bench.order_log import DEFAULT_TRAFFIC
from bench.writer import running_writer
from include.maintenance.run import delete_unneeded, maintain
from include.publish.request import Request
from include.publish.run import publish
from include.sales_db import connect
from include.settings import Settings, without_analytics
from include.table_files import log_of
from lake.reading import delta_table, record_batches
from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    TABLES,
    checkpoint,
    order_index,
)
from simulator.schedule import Plan
from simulator.session import Request as Orders
from simulator.session import send
from spark.streaming.compaction import shape
from spark.streaming.generation import QUERY
from stack.catching_up import wait_for_lake

TARGET = 0.25
COUNTED = (SILVER_ORDERS, GOLD_PRODUCT_SALES_MINUTE, GOLD_ORDER_VALUE_MINUTE)
BATCH_SECONDS = 2
IDLE_SECONDS = 10
SCHEMAS = ("live", "ops", "marts")
SIZE_OF_SCHEMA = """
select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace where n.nspname = %s and c.relkind in ('r', 'm')
"""


@dataclass(frozen=True)
class Size:
    orders: int = 200_000
    rate: int = 1_000  # orders per second: of what a batch and a minute hold
    seed: int = 1


def measure(size: Size) -> Found:
    without_analytics()
    with own_folder("disk") as folder, servers(folder) as plain:
        pace = {"max_offsets_per_trigger": size.rate * BATCH_SECONDS, "trigger_seconds": 0}
        settings = plain.model_copy(update={"stream": plain.stream.model_copy(update=pace)})
        span = timedelta(seconds=size.orders / size.rate)
        plan = Plan(rate=None, count=size.orders, start=datetime.now(UTC) - span, span=span)
        send(Orders(plan, DEFAULT_TRAFFIC, size.seed), settings.kafka, settings.manifest)
        # As long as the stream drains it does not wait; idle, it looks as often as it does for others.
        with running_writer(settings):
            wait_for_lake(settings.kafka, settings.postgres, lambda _: None)
        publish_hours(settings, plan)
        written = counted(settings)
        with running_writer(plain) as writer:
            kept = maintenance(plain, writer)
        return told_apart(size, written, counted(plain), kept)


def publish_hours(settings: Settings, plan: Plan) -> None:
    hour = timedelta(hours=1)
    first = (plan.start or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
    wanted = [first + number * hour for number in range(int((datetime.now(UTC) - first) / hour) + 1)]
    with closing(connect(settings.postgres, application_name="bench", autocommit=True)) as connection:
        publish(connection, settings.lake.root, settings.publish, Request("bench", wanted))


def counted(settings: Settings) -> dict[str, Any]:
    """Bytes by place; of each table also its files, its log and what lies beside it."""
    root = settings.lake.root
    topic = (settings.run_dir / "kafka" / "data").glob(f"{settings.kafka.orders_topic}-*/*.log")
    with closing(connect(settings.postgres, application_name="bench", autocommit=True)) as connection:
        schemas = {name: _one(connection, SIZE_OF_SCHEMA, name) for name in SCHEMAS}
        published = _one(connection, "select count(*) from marts.fct_orders")
    return {
        "kafka": sum(segment.stat().st_size for segment in topic),
        "tables": {table.full_name: _table(table, root) for table in TABLES},
        "order index": _bytes_in(order_index(root)),
        "checkpoint": _bytes_in(checkpoint(root, QUERY)),
        "postgres": schemas,
        "published_orders": published,
    }


def _table(table: Any, root: Path) -> dict[str, int]:
    now, log = shape(table, root), log_of(table, root)
    beside = max(0, _bytes_in(table.path(root)) - now.bytes - log.bytes)
    return {"bytes": now.bytes, "files": now.files, "rows": now.rows, "log": log.bytes, "beside": beside}


def _one(connection: psycopg.Connection, query: LiteralString, *binds: str) -> int:
    row = connection.execute(query, binds).fetchone()
    return int(row[0]) if row else 0


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def json_bytes(root: Path) -> int:
    dataset = delta_table(BRONZE_ORDERS, root).to_pyarrow_dataset()
    return sum(
        pc.sum(pc.binary_length(batch["value"])).as_py() or 0 for batch in record_batches(dataset, ["value"])
    )


def maintenance(settings: Settings, writer: psutil.Process) -> dict[str, Any]:
    """What compacting every day and looking for files to delete costs, beyond being idle."""
    meter = Meter(writer, psutil.Process(), postgres_of(settings))
    sleep(IDLE_SECONDS)  # what a start leaves to do
    idle = meter.cost_of(lambda: sleep(IDLE_SECONDS))
    share = idle.processor / idle.elapsed

    def connecting() -> AbstractContextManager[psycopg.Connection]:
        return closing(connect(settings.postgres, application_name="bench", autocommit=True))

    # Today is over tomorrow: then its files are too many.
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    policy = settings.maintenance
    steps: list[int] = []

    def compact() -> None:
        done = maintain(
            connecting, settings.lake.root, policy, TABLES, today=tomorrow, by="bench", dry_run=False
        )
        steps.append(len(done.outcomes))

    compaction = meter.cost_of(compact)
    vacuum = meter.cost_of(lambda: delete_unneeded(connecting, policy, TABLES, by="bench"))
    return {
        "idle_core_seconds_per_second": round(share, 3),
        "compaction": _beyond(compaction, share) | {"steps": steps[0]},
        "vacuum": _beyond(vacuum, share),
        "json_bytes": json_bytes(settings.lake.root),
    }


def _beyond(cost: Cost, share: float) -> dict[str, float]:
    return {
        "core_seconds": round(cost.processor - share * cost.elapsed, 1),
        "seconds": round(cost.elapsed, 1),
    }


def told_apart(size: Size, before: dict[str, Any], after: dict[str, Any], kept: dict[str, Any]) -> Found:
    json_size = kept.pop("json_bytes")
    ratios = {
        name: round(sum(state["tables"][table.full_name]["bytes"] for table in COUNTED) / json_size, 3)
        for name, state in (("before", before), ("after", after))
    }
    orders = after["tables"][SILVER_ORDERS.full_name]["rows"]
    per_million = {
        name: round(kept[name]["core_seconds"] / orders * 1e6, 1) for name in ("compaction", "vacuum")
    }
    return {
        "orders": orders,
        "records": after["tables"][BRONZE_ORDERS.full_name]["rows"],
        "rate": size.rate,
        "json_bytes": json_size,
        "before": before,
        "after": after,
        "silver_and_gold_of_json": ratios,
        "maintenance": kept,
        "maintenance_core_seconds_per_million_orders": per_million,
    }


def told(found: Found) -> Iterator[str]:
    orders, before, after = found["orders"], found["before"], found["after"]

    def each(value: float) -> str:
        return f"{value / orders:,.1f}"

    yield (
        f"{orders:,} accepted orders of {found['records']:,} records, batches of {BATCH_SECONDS} s at"
        f" {found['rate']:,}/s. Bytes per accepted order; JSON: {each(found['json_bytes'])}.\n"
    )
    yield "| | as written | compacted | files, as written | compacted | log | replaced files, kept a week |"
    yield "|---|---|---|---|---|---|---|"
    yield f"| Kafka, log segments | {each(before['kafka'])} | | | | | |"
    for name, table in before["tables"].items():
        now = after["tables"][name]
        cells = [each(table["bytes"]), each(now["bytes"]), f"{table['files']:,}", f"{now['files']:,}",
                 each(now["log"]), each(now["beside"])]  # fmt: skip
        yield f"| {name} | {' | '.join(cells)} |"
    for name in ("order index", "checkpoint"):
        yield f"| {name} | {each(before[name])} | | | | | |"
    for name, size in before["postgres"].items():
        count = before["published_orders"] if name == "marts" else orders
        yield f"| PostgreSQL, schema {name} | {size / count:,.1f} | | | | | |"
    ratios = found["silver_and_gold_of_json"]
    verdict = "reached" if ratios["after"] <= TARGET else "missed"
    yield (
        f"\nSilver (accepted orders) and gold: {ratios['before']:.2f} × the JSON as written,"
        f" {ratios['after']:.2f} × compacted. Target: at most {TARGET:g} ×, {verdict}."
    )
    yield from _maintenance_told(found)


def _maintenance_told(found: Found) -> Iterator[str]:
    each, kept = found["maintenance_core_seconds_per_million_orders"], found["maintenance"]
    yield (
        f"\nCompacting {kept['compaction']['steps']} days of tables cost {each['compaction']:,} core-seconds"
        f" per million orders ({kept['compaction']['seconds']:.0f} s here), its proof that no row changed"
        f" included; a VACUUM of all tables, which reads each of them twice to prove the same,"
        f" {each['vacuum']:,}."
    )


def main(argv: list[str] | None = None) -> int:
    parser = parser_of("bench.disk", __doc__)
    parser.add_argument("--orders", type=int, default=200_000, help="to write (200,000)")
    parser.add_argument("--rate", type=int, default=1_000, help="orders per second they come at (1,000)")
    args = parser.parse_args(argv)
    found = measure(Size(args.orders, args.rate))
    return say(found, told(found), args.json)


if __name__ == "__main__":
    sys.exit(main())
