"""
How close is a batch to what Spark can do at all? The same log, drained by the lake writer's own query and by
less and less of it: every rule checked and thrown away, JSON parsed and thrown away, read and thrown away.

    python -m bench.floors --batches 10 --json floors.json

One process, one broker, one topic, batches of one size. Core-seconds (user and system) of Python and Java
halves, median, least and most of all batches but the first ones of each, which compile its code. The lake
writer also writes: bronze, silver, rejected, gold, `live.*` and the ledger.
Leaves nothing behind.
"""

import argparse
import json
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pyspark.sql.functions as F
from pyspark.sql import DataFrame, SparkSession

from bench.batch import TRAFFIC, Meter, batches_of, drain, servers, whole
from bench.measuring import Cost
from include.settings import Settings
from lake.schemas.orders import PAYLOAD
from simulator.schedule import Plan
from simulator.session import Request, send
from spark.session import get_session
from spark.streaming.email_key import email_key
from spark.streaming.generation import Generation
from spark.streaming.records import as_judged, read_records
from spark.streaming.topic import Topic

WARM_BATCHES = 5  # of each, not counted
WRITER, PARSED = "lake writer", "JSON parsed"


class Rate(NamedTuple):
    """Orders per core-second."""

    median: float
    least: float
    most: float


def floors(settings: Settings) -> dict[str, Callable[[DataFrame], DataFrame]]:
    """From the least to the most of what a batch does."""
    key = email_key(settings.lake.email_hmac_key_file)
    return {
        "read": lambda records: records,
        PARSED: lambda records: records.select(F.from_json(F.col("value").cast("string"), PAYLOAD)),
        "all rules": lambda records: as_judged(records, settings.lake, key=key),
    }


def thrown_away(records: DataFrame, settings: Settings, meter: Meter, folder: Path) -> list[Cost]:
    """What each batch costs, from the end of the one before, when nothing of it is written."""

    def nowhere(batch: DataFrame, _: int) -> None:
        batch.write.format("noop").mode("overwrite").save()
        meter.note("batch")

    meter.steps, meter.last = [], meter.now()
    query = records.writeStream.trigger(availableNow=True).option("checkpointLocation", str(folder))
    query.foreachBatch(nowhere).start().awaitTermination()
    return [cost for _, cost in meter.steps]


def measure(spark: SparkSession, settings: Settings, size: int, batches: int) -> dict[str, Rate]:
    """Orders per core-second of every floor and of the lake writer."""
    meter = Meter(spark.sparkContext._gateway.proc.pid, [], Cost(0, 0))  # type: ignore[union-attr]
    count = size * (WARM_BATCHES + batches)
    send(Request(Plan(rate=None, count=count), TRAFFIC, seed=1), settings.kafka, settings.manifest)
    from_start = Generation(str(uuid.uuid4()), settings.kafka.orders_topic, "", 0, {}, "")
    partitions = Topic(settings.kafka).end_offsets()
    records = read_records(spark, settings.kafka, settings.stream, from_start, partitions)
    found = {}
    for name, floor in floors(settings).items():
        costs = thrown_away(floor(records), settings, meter, settings.run_dir / "floors" / name)
        found[name] = rate(costs, size, batches)
    found[WRITER] = rate([whole(batch) for batch in batches_of(drain(spark, settings, meter))], size, batches)
    return found


def rate(costs: list[Cost], size: int, batches: int) -> Rate:
    # Repeats and faults come on top of the orders asked for: what is left over is no whole batch.
    rates = [size / cost.processor for cost in costs[WARM_BATCHES : WARM_BATCHES + batches]]
    return Rate(*(round(how(rates)) for how in (median, min, max)))


def told(found: dict[str, Rate]) -> Iterator[str]:
    """Markdown, with each as a share of the floor "JSON parsed"."""
    yield "| | orders per core-second | least | most | of JSON parsed |\n|---|---|---|---|---|"
    for name, (middle, least, most) in found.items():
        yield f"| {name} | {middle:,} | {least:,} | {most:,} | {middle / found[PARSED].median:.2f} |"


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.floors", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=20_000, help="records of a batch (20,000)")
    parser.add_argument("--batches", type=int, default=10, help="counted, of each (10)")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    # Not below a folder that only we may enter: PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory(prefix="saleslake-floors-") as folder, servers(Path(folder)) as settings:
        stream = settings.stream.model_copy(update={"max_offsets_per_trigger": args.size})
        spark = get_session("bench.floors", stream)
        found = measure(spark, settings.model_copy(update={"stream": stream}), args.size, args.batches)
    print("\n".join(told(found)))
    if args.json:
        args.json.write_text(json.dumps({name: rate._asdict() for name, rate in found.items()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
