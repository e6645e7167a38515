"""
Which layout of the tables makes the questions cheap? A week of orders, before and after maintenance.

    python -m bench.layout --orders 300000 --batches 1000 --seed 1

The same small files lie in tables by day (as the lake has them), clustered by time, and neither. Each
question is asked through delta-rs, as publishing does, and through Spark: the median of some runs after one
that does not count, in seconds of the processor, their ratio to the table by day as the stream left it, and
in seconds of the clock. Then what a commit costs by the columns that it keeps statistics of. With
`--engines delta-rs` there is no Spark: delta-rs maintains the tables, and sorts where Spark would cluster.
Prints Markdown; leaves nothing behind.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any, NamedTuple

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from bench.questions import Question, questions
from bench.week import EVENT_TIME, Size, gold, silver, statistics_of, stream_into
from include.settings import StreamSettings
from lake.tables import GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS, Table
from spark.session import get_session

ENGINES = ("delta-rs", "Spark")
TABLES = (SILVER_ORDERS, GOLD_PRODUCT_SALES_MINUTE)
SMALL_FILES = 4 * 1024**2
STATISTICS = {"none": "batch_id", "today's": "batch_id,ordered_at,order_id,kafka_timestamp", "all": None}


class Wanted(NamedTuple):
    size: Size
    runs: int
    engines: tuple[str, ...]


class Cost(NamedTuple):
    processor: float
    elapsed: float


class Layout(NamedTuple):
    name: str
    clause: str  # of CREATE TABLE; {} is the column of event time
    largest_file: int = 1024**3
    by_day: bool = False


LAYOUTS = (
    Layout("by day (today)", "partitioned by (date_utc)", by_day=True),
    Layout("by day, files of 4 MiB", "partitioned by (date_utc)", SMALL_FILES, by_day=True),
    Layout("clustered by time", "cluster by ({})"),
    Layout("neither", ""),
)


def by_delta_rs(path: Path, question: Question) -> tuple[int, int]:
    """Rows, and the sum of their first number that is always there: what the engines must agree on."""
    rows = DeltaTable(str(path)).to_pyarrow_dataset().to_table(
        columns=list(question.columns), filter=question.expression()
    )  # fmt: skip
    return rows.num_rows, pc.sum(rows[question.columns[-1]]).as_py() or 0


def by_spark(spark: SparkSession, path: Path, question: Question) -> tuple[int, int]:
    rows = spark.read.format("delta").load(str(path)).where(question.sql()).select(*question.columns)
    row = rows.selectExpr("count(*)", f"coalesce(sum({question.columns[-1]}), 0)").first()
    assert row is not None  # noqa: S101 - an aggregate gives a row
    return int(row[0]), int(row[1])


def timed(ask: Callable[[], tuple[int, int]], runs: int) -> tuple[Cost, tuple[int, int]]:
    answer, costs = ask(), []
    for _ in range(runs):
        began, used = monotonic(), processor_seconds()
        ask()
        costs.append(Cost(processor_seconds() - used, monotonic() - began))
    return Cost(*map(median, zip(*costs, strict=True))), answer


def processor_seconds() -> float:
    """Of this process and its Java half: what else the machine does makes them wait, not work."""
    ours = psutil.Process()
    times = [process.cpu_times() for process in (ours, *ours.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def create_without_spark(path: Path, rows: pa.Table, table: Table, layout: Layout) -> None:
    partitions = ["date_utc"] if layout.by_day else []
    # Without this list delta-rs takes a column without statistics for one that holds nothing.
    known = {"delta.dataSkippingStatsColumns": ",".join(statistics_of(rows))}
    DeltaTable.create(str(path), rows.schema, partition_by=partitions, configuration=known)
    stream_into(path, rows, table, by_day=layout.by_day)
    DeltaTable(str(path)).create_checkpoint()


def maintain_without_spark(path: Path, table: Table, layout: Layout) -> None:
    """Clustering by one column is sorting by it."""
    optimize = DeltaTable(str(path)).optimize
    if "cluster" in layout.clause:
        optimize.z_order([EVENT_TIME[table]], target_size=layout.largest_file)
    else:
        optimize.compact(target_size=layout.largest_file)


def create(spark: SparkSession, path: Path, rows: pa.Table, table: Table, layout: Layout) -> None:
    clause = layout.clause.format(EVENT_TIME[table])
    empty = path.with_name(f"{path.name}.columns.parquet")
    pq.write_table(rows.slice(0, 0), empty)
    columns = ", ".join(
        f"{field.name} {field.dataType.simpleString()}" for field in spark.read.parquet(str(empty)).schema
    )
    spark.sql(
        f"create table delta.`{path}` ({columns}) using delta {clause} tblproperties ("
        "'delta.checkpointInterval' = '100', 'delta.enableDeletionVectors' = 'false',"
        f" 'delta.dataSkippingStatsColumns' = '{','.join(statistics_of(rows))}')"
    )
    stream_into(path, rows, table, by_day=layout.by_day)
    # As the stream would have one every hundred commits. Spark has not seen that the table grew.
    log = spark._jvm.org.apache.spark.sql.delta.DeltaLog  # type: ignore[union-attr]
    log.clearCache()
    log.forTable(spark._jsparkSession, str(path)).checkpoint()


def maintain(spark: SparkSession, path: Path, _: Table, layout: Layout) -> None:
    spark.conf.set("spark.databricks.delta.optimize.maxFileSize", str(layout.largest_file))
    spark.sql(f"optimize delta.`{path}`")


def measure(
    spark: SparkSession | None, root: Path, asked: tuple[Question, ...], wanted: Wanted
) -> Iterator[tuple[str, Cost, tuple[int, int]]]:
    for question in asked:
        path = root / question.table.full_name
        ways = {
            "delta-rs": partial(by_delta_rs, path, question),
            **({"Spark": partial(by_spark, spark, path, question)} if spark else {}),
        }
        for engine in wanted.engines:
            cost, answer = timed(ways[engine], wanted.runs)
            yield f"{question.name}, {engine}", cost, answer


def compare_layouts(spark: SparkSession | None, folder: Path, wanted: Wanted) -> None:
    orders = silver(wanted.size)
    rows = {SILVER_ORDERS: orders, GOLD_PRODUCT_SALES_MINUTE: gold(orders)}
    asked = questions(orders["order_id"][wanted.size.orders // 2].as_py())
    titles = [f"{question.name}, {engine}" for question in asked for engine in wanted.engines]
    print(
        f"| layout | state | files | MB | {' | '.join(titles)} |\n|{'---|' * (4 + len(titles))}", flush=True
    )
    make = partial(create, spark) if spark else create_without_spark
    care = partial(maintain, spark) if spark else maintain_without_spark
    base: dict[str, float] = {}
    agreed: dict[str, tuple[int, int]] = {}
    for number, layout in enumerate(LAYOUTS):
        root = folder / str(number)
        root.mkdir()
        for table in TABLES:
            make(root / table.full_name, rows[table], table, layout)
        for state in ("as streamed", "maintained"):
            if state == "maintained":
                for table in TABLES:
                    care(root / table.full_name, table, layout)
            cells = []
            for name, cost, answer in measure(spark, root, asked, wanted):
                if agreed.setdefault(name.rpartition(",")[0], answer) != answer:
                    raise SystemExit(f"{layout.name}, {name}: {answer} instead of {agreed}")
                ratio = cost.processor / base.setdefault(name, cost.processor)
                cells.append(f"{cost.processor:.2f} s ({ratio:.2f}), {cost.elapsed:.2f} s")
            print(f"| {layout.name} | {state} | {_held(root)} | {' | '.join(cells)} |", flush=True)
        shutil.rmtree(root)


def _held(root: Path) -> str:
    actions = [
        pa.table(DeltaTable(str(root / table.full_name)).get_add_actions(flatten=True)) for table in TABLES
    ]
    size = sum(sum(one["size_bytes"].to_pylist()) for one in actions)
    return f"{sum(one.num_rows for one in actions):,} | {size / 1e6:.1f}"


def compare_statistics(spark: SparkSession, folder: Path, wanted: Wanted) -> None:
    """Appends of one batch, as the stream makes them, in turns: what the machine does else hits all alike."""
    source = folder / "batch.parquet"
    pq.write_table(silver(wanted.size).slice(0, 400), source)
    batch = spark.read.parquet(str(source)).cache()
    costs: dict[str, list[float]] = {name: [] for name in STATISTICS}
    paths = {name: folder / f"statistics {number}" for number, name in enumerate(STATISTICS)}
    for name, columns in STATISTICS.items():
        writer = batch.limit(0).write.format("delta").partitionBy("date_utc")
        chosen = {"delta.dataSkippingStatsColumns": columns} if columns else {}
        writer.options(**chosen).save(str(paths[name]))
    for turn in range(4 * wanted.runs + 2):
        for name, path in paths.items():
            used = processor_seconds()
            batch.coalesce(1).write.format("delta").mode("append").save(str(path))
            if turn >= 2:
                costs[name].append(processor_seconds() - used)
    base = median(costs["today's"])
    print("\n| statistics of | a commit of 400 orders | log per commit |\n|---|---|---|")
    for name, found in costs.items():
        last = max((paths[name] / "_delta_log").glob("[0-9]*.json"))
        ratio = median(found) / base
        print(f"| {name} | {median(found):.3f} s ({ratio:.2f}) | {last.stat().st_size:,} bytes |", flush=True)


def parse_args(argv: list[str] | None) -> Wanted:
    parser = argparse.ArgumentParser(
        prog="bench.layout", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--orders", type=int, default=300_000, help="orders of the week")
    add("--batches", type=int, default=1_000, help="commits of the week")
    add("--seed", type=int, default=1)
    add("--runs", type=int, default=3, help="runs that count, of each question")
    add("--engines", nargs="+", choices=ENGINES, default=ENGINES, help="who is asked")
    args = parser.parse_args(argv)
    return Wanted(Size(args.orders, args.batches, args.seed), args.runs, tuple(args.engines))


def main(argv: list[str] | None = None) -> int:
    wanted = parse_args(argv)
    spark: Any = get_session("bench layout", StreamSettings()) if "Spark" in wanted.engines else None
    with tempfile.TemporaryDirectory(prefix="saleslake-layout-") as folder:
        size = wanted.size
        print(f"{size.orders:,} orders in {size.batches:,} commits, seed {size.seed}\n", flush=True)
        compare_layouts(spark, Path(folder), wanted)
        if spark:
            compare_statistics(spark, Path(folder), wanted)
            spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
