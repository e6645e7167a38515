"""
Does a batch, and does publishing an hour, cost more when the lake is large?

    python -m bench.growth --orders 1000000 10000000 --commits 100 1000 5000 --partitions 1 4 16

Two lakes side by side in one session, each with its broker and PostgreSQL: one stays as it is, the other is
given a past (`bench.history`): orders in silver, order index, `live.*` and `marts.fct_orders`, or commits and
their checkpoints, then compacted as maintenance does it. After each step both write the same batches and
publish the same hour in turns. What counts is the ratio of the two: a JVM that gets warmer, or a machine that
others use, changes both. Core-seconds of the driver's halves and of that lake's PostgreSQL. With partitions
there is nothing to compare but topics of another width. Leaves nothing behind.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from bench.history import add_commits, grow_database, grow_silver
from bench.measuring import Found, in_cell, own_folder, parser_of, say, spread_of_costs
from bench.twin_lakes import Lake, Work, compared, open_lake
from include.settings import Settings, without_analytics
from include.table_requests import Optimize
from lake.tables import TABLES, order_index
from spark.session import get_session
from spark.streaming.compaction import optimize
from spark.streaming.order_index import OrderIndex

TARGETS = {"orders": 1.3, "commits": 1.2}
PRODUCTS_A_MINUTE = 250  # of each region: what a million orders a day have


@dataclass(frozen=True)
class Size:
    orders: tuple[int, ...] = (1_000_000,)
    commits: tuple[int, ...] = (100, 1_000)
    partitions: tuple[int, ...] = (1, 4)
    work: Work = field(default_factory=Work)
    seed: int = 1


def measure(size: Size) -> Found:
    without_analytics()
    size = replace(size, work=replace(size.work, seed=size.seed))
    found: Found = {"size": asdict(size), "orders": {}, "commits": {}, "partitions": {}}
    with own_folder("growth") as folder:
        spark = get_session("bench.growth", Settings(run_dir=folder).stream)
        for kind in ("orders", "commits"):
            wanted = getattr(size, kind)
            if wanted:
                found[kind] = grown(spark, folder / kind, kind, wanted, size)
        for partitions in size.partitions:
            found["partitions"][str(partitions)] = one_width(spark, folder, partitions, size.work)
        spark.stop()
    return found


def grown(spark: SparkSession, folder: Path, kind: str, wanted: tuple[int, ...], size: Size) -> Found:
    """By how much there is of it: both lakes' costs and their ratios."""
    folder.mkdir()
    found: Found = {}
    with ExitStack() as held:
        still, growing = (open_lake(held, spark, folder / name, size.work) for name in ("still", "growing"))
        found["0"] = compared(spark, still, growing, size.work)
        done = 0
        for total in wanted:
            add(growing, kind, total - done, done)
            done = total
            if kind == "commits":
                found[f"{total}, not compacted"] = compared(spark, still, growing, size.work)
                compact(spark, growing)
            found[str(total)] = compared(spark, still, growing, size.work)
    return found


def add(lake: Lake, kind: str, count: int, done: int) -> None:
    """On days before that of the hour which is published again and again."""
    root, before = lake.settings.lake.root, lake.publisher.hour.date()
    if kind == "commits":
        add_commits(root, count, day=before - timedelta(days=1))
        return
    index = OrderIndex(order_index(root))
    try:
        grow_silver(root, index, count, first=done, before=before)
    finally:
        index.close()
    grow_database(lake.publisher.superuser, count, first=done, before=before, products=PRODUCTS_A_MINUTE)


def compact(spark: SparkSession, lake: Lake) -> None:
    """As the lake writer does it when `maintain_lake` asks."""
    for table in TABLES:
        optimize(spark, lake.settings.lake.root, Optimize(table))


def one_width(spark: SparkSession, folder: Path, partitions: int, work: Work) -> Found:
    with ExitStack() as held:
        lake = open_lake(held, spark, folder / f"partitions-{partitions}", work, partitions)
        return {
            f"batch of {records}": spread_of_costs(
                cost
                for _ in range(work.rounds)
                for cost in lake.write(spark, records * (work.batches + 1), records)
            )
            for records in work.records
        }


def told(found: Found) -> Iterator[str]:
    for kind, target in TARGETS.items():
        if found[kind]:
            yield from _growth_told(kind, found[kind], target)
    if found["partitions"]:
        yield "| Kafka partitions | | core-seconds | seconds |\n|---|---|---|---|"
        for partitions, works in found["partitions"].items():
            for work, cost in works.items():
                cells = f"{in_cell(cost['core_seconds'])} | {in_cell(cost['seconds'])}"
                yield f"| {partitions} | {work} | {cells} |"


def _growth_told(kind: str, by_total: Found, target: float) -> Iterator[str]:
    yield f"| {kind} before | | core-seconds | seconds | of the lake without, core-seconds | seconds |"
    yield "|---|---|---|---|---|---|"
    for total, works in by_total.items():
        for work, cost in works.items():
            own = (in_cell(cost["growing"][unit]) for unit in ("core_seconds", "seconds"))
            ratios = (in_cell(cost[f"ratio_{unit}"]) for unit in ("core_seconds", "seconds"))
            label = f"{int(total):,}" if total.isdigit() else total
            yield f"| {label} | {work} | {' | '.join([*own, *ratios])} |"
    last = list(by_total)[-1]
    reached = {work: cost["ratio_seconds"]["median"] for work, cost in by_total[last].items()}
    batches = {work: ratio for work, ratio in reached.items() if work.startswith("batch")}
    verdict = "reached" if max(batches.values()) <= target else "missed"
    said = ", ".join(f"{work} {ratio:.2f} ×" for work, ratio in batches.items())
    yield f"\nTarget: with {int(last):,} {kind} a batch takes {target:g} × as long at most; {said}:"
    yield f"{verdict}.\n"


def main(argv: list[str] | None = None) -> int:
    parser = parser_of("bench.growth", __doc__)
    usual = Size()
    for kind, text in (("orders", "in silver and the index"), ("commits", "of every table"),
                       ("partitions", "of the topic")):  # fmt: skip
        standard = getattr(usual, kind)
        parser.add_argument(f"--{kind}", type=int, nargs="*", default=standard, help=f"{text} {standard}")
    work = usual.work
    parser.add_argument(
        "--records", type=int, nargs="+", default=work.records, help="of a batch (20,000 200)"
    )
    parser.add_argument("--batches", type=int, default=work.batches, help="counted, of each (3)")
    parser.add_argument("--rounds", type=int, default=work.rounds, help="of all that is measured (1)")
    parser.add_argument("--hour", type=int, default=work.hour_orders, help="orders of the hour (20,000)")
    parser.add_argument("--warm-up", type=int, default=work.warm_up, help="records, of each lake (40,000)")
    args = parser.parse_args(argv)
    work = Work(tuple(args.records), args.batches, args.rounds, args.hour, args.warm_up)
    found = measure(Size(tuple(args.orders), tuple(args.commits), tuple(args.partitions), work))
    return say(found, told(found), args.json)


if __name__ == "__main__":
    sys.exit(main())
