"""
How close is a batch to what the engine and its parts can do at all? One log, drained by the lake writer's own
query and by less and less of it: judged, parsed, read, each thrown away. Beside it, what single parts cost:
each Delta write of a batch, the COPY of its rows into PostgreSQL, librdkafka's bare consumption of the topic.

    python -m bench.floors --batches 10 --json floors.json

One process, one broker, one topic, batches of one size, the simulator's default faulty traffic. Core-seconds
(user and system) of Python and Java halves, and of PostgreSQL where the lake writer writes, of all batches
but the first ones of each, which compile its code. The lake writer writes bronze, silver, rejected, gold,
`live.*` and the ledger. Leaves nothing behind.
"""

import sys
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark.sql.functions as F
from pyspark.sql import DataFrame, SparkSession

from bench.batch import Meter, batches_of, drain, servers, whole
from bench.floor_writes import COPY, bare_consumption, copies, delta_writes
from bench.measuring import Cost, Found, in_cell, own_folder, parser_of, postgres_of, say, spread
from bench.order_log import DEFAULT_TRAFFIC
from bench.tables import markdown
from include.settings import Settings
from lake.schemas.orders import PAYLOAD
from simulator.schedule import Plan
from simulator.session import Request, send
from spark.session import get_session
from spark.streaming.email_key import email_key
from spark.streaming.generation import Generation
from spark.streaming.judging import Judge
from spark.streaming.records import as_records, read_records, terms_of
from spark.streaming.single_records import SingleRecords
from spark.streaming.topic import Topic

LIBRDKAFKA, READ, PARSED = "librdkafka: read", "Spark: read", "Spark: JSON parsed"
JUDGED, WRITER = "Spark: every rule checked, in Arrow", "the lake writer, all of it"
TARGET = 0.5  # of PARSED
Tell = Callable[[str], None]
Batch = Callable[[DataFrame], None]


@dataclass(frozen=True)
class Size:
    records: int = 80_000  # of a batch: as many as the writer takes by default
    batches: int = 6  # counted, of each
    # The virtual machine compiles for so long. Each floor has its own code, so each has its own warm-up.
    warm_up: int = 5
    seed: int = 1


def measure(size: Size, tell: Tell = lambda _: None) -> Found:
    """Orders per core-second of every floor, from the least to the most of what a batch does."""
    with own_folder("floors") as folder, servers(folder) as plain:
        pace = {"max_offsets_per_trigger": size.records}
        settings = plain.model_copy(update={"stream": plain.stream.model_copy(update=pace)})
        count = size.records * (size.warm_up + size.batches)
        send(
            Request(Plan(rate=None, count=count), DEFAULT_TRAFFIC, size.seed),
            settings.kafka,
            settings.manifest,
        )
        rates: dict[str, list[float]] = {}
        bare = bare_consumption(settings.kafka)
        if bare:
            rates[LIBRDKAFKA] = bare
        spark = get_session("bench.floors", settings.stream)
        try:
            for name, costs in _costs(spark, settings, size):
                rates[name] = [size.records / cost.processor for cost in costs if cost.processor]
                tell(f"{name}: {spread(rates[name])['median']:,.0f} orders per core-second")
        finally:
            spark.stop()
    found = {name: spread(values, 0) for name, values in rates.items()}
    ratio = found[WRITER]["median"] / found[PARSED]["median"]
    return {
        "size": {"records": size.records, "batches": size.batches, "warm_up": size.warm_up},
        "orders_per_core_second": found,
        "writer_of_parsed": round(ratio, 3),
        "librdkafka": "measured" if bare else "not installed: python -m bench.peers",
    }


def _costs(spark: SparkSession, settings: Settings, size: Size) -> Any:
    meter = Meter(spark.sparkContext._gateway.proc.pid, [], Cost(0, 0))  # type: ignore[union-attr]
    counted = range(size.warm_up, size.warm_up + size.batches)
    for name, (rows, work) in floors(spark, settings).items():
        checkpoint = settings.run_dir / "floors" / name.replace(" ", "-").replace(":", "")
        costs = thrown_away(rows, work, meter, checkpoint)
        yield name, [costs[number] for number in counted]
    meter.postgres = postgres_of(settings)
    written = batches_of(drain(spark, settings, meter))
    yield WRITER, [whole(written[number]) for number in counted]
    single = defaultdict(list)
    for name, cost in delta_writes(spark, settings, counted):
        single[name].append(cost)
    yield from single.items()
    yield COPY, list(copies(settings, counted))


def floors(spark: SparkSession, settings: Settings) -> dict[str, tuple[DataFrame, Batch]]:
    """The rows of a query, and what is done with a batch of them."""
    from_start = Generation(str(uuid.uuid4()), settings.kafka.orders_topic, "", 0, {}, "")
    partitions = Topic(settings.kafka).end_offsets()
    records = read_records(spark, settings.kafka, settings.stream, from_start, partitions)
    terms = terms_of(settings.lake, key=email_key(settings.lake.email_hmac_key_file))
    judge = Judge(spark, terms, settings.run_dir / "judged", SingleRecords(settings.kafka))
    parsed = records.select(F.from_json(F.col("value").cast("string"), PAYLOAD))
    return {
        READ: (records, nowhere),
        PARSED: (parsed, nowhere),
        JUDGED: (as_records(records), lambda batch: _judged(judge, batch)),
    }


def nowhere(batch: DataFrame) -> None:
    batch.write.format("noop").mode("overwrite").save()


def _judged(judge: Judge, batch: DataFrame) -> None:
    judge.judged(batch)


def thrown_away(rows: DataFrame, work: Batch, meter: Meter, checkpoint: Path) -> list[Cost]:
    """What each batch costs, from the end of the one before, when nothing of it is written."""

    def done(batch: DataFrame, _: int) -> None:
        work(batch)
        meter.note("batch")

    meter.steps, meter.last = [], meter.now()
    query = rows.writeStream.trigger(availableNow=True).option("checkpointLocation", str(checkpoint))
    query.foreachBatch(done).start().awaitTermination()
    return [cost for _, cost in meter.steps]


def told(found: Found) -> str:
    rates, size = found["orders_per_core_second"], found["size"]
    parsed = rates[PARSED]["median"]
    rows = [
        [name, in_cell(rate, ",.0f"), f"{1e6 / rate['median']:,.1f}", f"{rate['median'] / parsed:.2f}"]
        for name, rate in rates.items()
    ]
    head = ["", "orders per core-second (least to most)", "core-seconds per million", "of JSON parsed"]
    ratio = found["writer_of_parsed"]
    verdict = "reached" if ratio >= TARGET else "missed"
    bare = "" if found["librdkafka"] == "measured" else f"\n\nlibrdkafka: {found['librdkafka']}."
    return (
        f"Batches of {size['records']:,} records, {size['batches']} counted after {size['warm_up']}.\n\n"
        f"{markdown(head, rows)}{bare}\n\n"
        f"The lake writer does {ratio:.2f} of the orders per core-second of parsing JSON alone. Target: at"
        f" least {TARGET:g}, {verdict}."
    )


def main(argv: list[str] | None = None) -> int:
    parser = parser_of("bench.floors", __doc__)
    parser.add_argument("--records", type=int, default=20_000, help="of a batch (20,000)")
    parser.add_argument("--batches", type=int, default=10, help="counted, of each (10)")
    parser.add_argument("--warm-up", type=int, default=16, help="batches of each before them (16)")
    args = parser.parse_args(argv)
    size = Size(args.records, args.batches, args.warm_up)
    found = measure(size, lambda line: print(line, file=sys.stderr))
    return say(found, [told(found)], args.json)


if __name__ == "__main__":
    sys.exit(main())
