"""
How long do the queries of dashboards and analysts take over large marts?

    python -m bench.dashboards --lines 10000000 --days 40 --json dashboards.json

A PostgreSQL of its own, its marts filled with that many order lines of so many days up to now, their orders
and aggregates, and the live tables with the last two days. Then, as `sales_reader`, each question and measure
of the metric contract over a day, a week and all days, each ready query of docs/marts.md, and each live view:
once for the caches, then `--runs` times. Milliseconds until the last row is here; and by which indexes.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import psycopg

from bench.large_marts import fill
from bench.measuring import Found, own_folder, parser_of, say, spread
from bi.contract import contract
from bi.queries import query, question_sql
from include.sales_db import connect
from include.settings import PostgresSettings
from stack.database import prepare_sales
from stack.postgres import PostgresServer, running
from stack.processes import free_port

TARGET_MS = 200
WHOLE = "all days"  # told, and no dashboard's usual
VIEWS = ("top_products_last_hour", "region_trend", "average_order_value", "freshness")


@dataclass(frozen=True)
class Size:
    lines: int = 10_000_000
    days: int = 40
    products: int = 5_000
    runs: int = 5


def measure(size: Size) -> Found:
    with own_folder("dashboards") as folder:
        server = PostgresServer(folder / "data", free_port(), folder / "superuser")
        with running(server, folder / "log"):
            passwords = {"sales_loader": "a", "sales_reader": "b"}
            settings = prepare_sales(server, passwords, passfile=folder / "pgpass")
            superuser = server.as_superuser("sales")
            with closing(connect(superuser, application_name="bench", autocommit=True)) as connection:
                fill(connection, size.lines, size.days, size.products)
            reader = settings.model_copy(update={"user": "sales_reader"})
            return {"size": asdict(size), "queries": list(timed(reader, size))}


def asked() -> Iterator[tuple[str, str]]:
    """Name and SELECT of all that is measured."""
    known = contract()
    periods = {"a day": "(now() - interval '24 hours')", "a week": "(now() - interval '7 days')",
               WHOLE: "'-infinity'"}  # fmt: skip
    for period, since in periods.items():
        hours = (since, "'infinity'")
        for name in known.questions:
            yield f"question {name}, {period}", question_sql(known, name, hours)
        for name in known.measures:
            yield f"measure {name}, {period}", query(known, [name], hours=hours)
    for view in VIEWS:
        yield f"live.{view}", f"select * from live.{view}"  # noqa: S608
    for mart, about in known.marts.items():
        for ready in about.queries:
            yield f"{mart}: {ready.says}", ready.sql


def timed(settings: PostgresSettings, size: Size) -> Iterator[dict[str, Any]]:
    with closing(connect(settings, application_name="bench", autocommit=True)) as connection:
        for name, text in asked():
            first, *others = [_milliseconds(connection, text) for _ in range(size.runs + 1)]
            plan = connection.execute("explain (format json) " + text).fetchone()  # type: ignore[operator]
            yield {
                "query": name,
                "first_ms": round(first[0], 1),
                "ms": spread((took for took, _ in others), 1),
                "rows": first[1],
                "by": sorted(_ways(plan[0][0]["Plan"] if plan else {})),
            }


def _milliseconds(connection: psycopg.Connection, text: str) -> tuple[float, int]:
    began = perf_counter()
    rows = connection.execute(text).fetchall()  # type: ignore[arg-type]
    return (perf_counter() - began) * 1_000, len(rows)


def _ways(plan: dict[str, Any]) -> set[str]:
    """Indexes that the plan uses, and tables that it reads whole; partitions by their parent's name."""
    found = set()
    if "Index Name" in plan:
        found.add(f"index {_parent(plan['Index Name'])}")
    elif plan.get("Node Type", "").endswith("Seq Scan"):
        found.add(f"all of {_parent(plan['Relation Name'])}")
    return found.union(*(_ways(part) for part in plan.get("Plans", [])))


def _parent(name: str) -> str:
    return re.sub(r"_\d{8}(?=_|$)", "", name)


def told(found: Found) -> Iterator[str]:
    size = found["size"]
    yield f"{size['lines']:,} order lines of {size['days']} days; milliseconds as `sales_reader`, warm.\n"
    yield "| query | rows | ms | first | by |\n|---|---|---|---|---|"
    for one in sorted(found["queries"], key=lambda one: -one["ms"]["median"]):
        took = f"{one['ms']['median']:,.0f}"
        cells = (one["query"], f"{one['rows']:,}", took, f"{one['first_ms']:,.0f}", ", ".join(one["by"]))
        yield f"| {' | '.join(cells)} |"
    usual = [one for one in found["queries"] if not one["query"].endswith(WHOLE)]
    slow = [one["query"] for one in usual if one["ms"]["median"] > TARGET_MS]
    verdict = f"{len(slow)} of {len(usual)} take longer: {'; '.join(slow)}" if slow else "reached"
    yield f"\nTarget: {TARGET_MS} ms, but for those over all days; {verdict}."


def main(argv: list[str] | None = None) -> int:
    parser, usual = parser_of("bench.dashboards", __doc__), Size()
    parser.add_argument("--lines", type=int, default=usual.lines, help="order lines (10,000,000)")
    parser.add_argument("--days", type=int, default=usual.days, help="up to now (40)")
    parser.add_argument("--products", type=int, default=usual.products, help="that sell (5,000)")
    parser.add_argument("--runs", type=int, default=usual.runs, help="of each query (5)")
    args = parser.parse_args(argv)
    found = measure(Size(args.lines, args.days, args.products, args.runs))
    return say(found, told(found), args.json)


if __name__ == "__main__":
    sys.exit(main())
