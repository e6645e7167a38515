"""
What does one micro-batch cost? Measured at the stream's own query, with a broker and a PostgreSQL of its own.

    python -m bench.batch --sizes 20 2000 20000 --batches 20 --json before.json
    python -m bench.batch --compare before.json        # the same, as ratios to what was measured then

The topic is filled first, so that batches of one size follow each other without a pause. The median batch is
told in core-seconds (user and system) of the driver's Python and Java halves together, and in seconds of the
clock; broker and PostgreSQL are not counted. A batch reaches from the end of the one before to its own, so it
has Spark's own work between two batches in it. Below it, the same by step: from the end of the step before,
as the fault points name them; steps that run side by side share what both cost. Leaves nothing behind.
"""

import argparse
import json
import secrets
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Lock
from time import monotonic
from typing import Any

import psutil
from pyspark.sql import DataFrame, SparkSession

from bench.measuring import Cost, spent
from bench.order_log import DEFAULT_TRAFFIC
from include.settings import KafkaSettings, LakeSettings, Settings
from simulator.schedule import Plan
from simulator.session import Request, send
from spark.session import get_session
from spark.streaming.batch import BatchWriter
from spark.streaming.closing import close_batch
from spark.streaming.database import Database
from spark.streaming.email_key import email_key, fingerprint
from spark.streaming.lake_writer import open_writer, start
from spark.streaming.opening import open_generation
from spark.streaming.plan import BatchPlan
from spark.streaming.process import GracefulStop, collect_garbage_seldom
from spark.streaming.records import as_records, read_records
from spark.streaming.topic import Topic
from stack import kafka, postgres
from stack.database import prepare_sales
from stack.processes import free_port

WARM_UP = "warm-up"


@dataclass
class Meter:
    """Two clocks, and who read them when: of the driver's halves, and of PostgreSQL where one is named."""

    java: int
    steps: list[tuple[str, Cost]]
    last: Cost
    postgres: psutil.Process | None = None

    def now(self) -> Cost:
        halves = (psutil.Process().cpu_times(), psutil.Process(self.java).cpu_times())
        database = spent(self.postgres) if self.postgres else 0.0
        return Cost(sum(half.user + half.system for half in halves) + database, monotonic())

    def note(self, step: str) -> None:
        now = self.now()
        self.steps.append((step, Cost(now.processor - self.last.processor, now.elapsed - self.last.elapsed)))
        self.last = now


class MeteredWriter(BatchWriter):
    """Also notes when Spark has handed the batch over: what comes before is Spark's own."""

    def write(self, records: DataFrame, plan: BatchPlan) -> None:
        self.reach("handed_over")
        super().write(records, plan)


@contextmanager
def servers(folder: Path, *, partitions: int = 4) -> Iterator[Settings]:
    """Settings for an empty lake in front of an empty topic and an empty database."""
    (folder / "postgres").mkdir()
    server = postgres.PostgresServer(folder / "postgres" / "data", free_port(), folder / "postgres" / "admin")
    broker = kafka.Broker(folder / "kafka", free_port(), free_port())
    key = folder / "email_hmac_key"
    key.write_text(secrets.token_hex(32))
    with ExitStack() as running:
        running.enter_context(postgres.running(server, folder / "postgres.log"))
        running.enter_context(kafka.running(broker, folder / "kafka.log"))
        passwords = {role: secrets.token_urlsafe(16) for role in ("sales_loader", "sales_reader")}
        topic = KafkaSettings(bootstrap_servers=broker.bootstrap, partitions=partitions)
        kafka.ensure_topic(topic)
        yield Settings(
            run_dir=folder,
            manifest=folder / "manifest.sqlite",
            kafka=topic,
            postgres=prepare_sales(server, passwords, passfile=folder / "pgpass"),
            lake=LakeSettings(root=folder / "lake", email_hmac_key_file=key),
        )


def drain(spark: SparkSession, settings: Settings, meter: Meter) -> list[tuple[str, Cost]]:
    """Write all that the topic has; returns the steps of every batch."""
    key = email_key(settings.lake.email_hmac_key_file)
    database, topic = Database(settings.postgres, application_name="bench"), Topic(settings.kafka)
    generation = open_generation(settings.lake.root, topic, database, email_key=fingerprint(key))
    writer = open_writer(
        spark,
        settings,
        generation,
        key,
        lambda batch, reach: database.run(lambda connection: close_batch(connection, batch, reach)),  # type: ignore[arg-type]
    )
    metered = MeteredWriter(**{**vars(writer), "reach": meter.note})
    records = read_records(spark, settings.kafka, settings.stream, generation, topic.end_offsets())
    collect_garbage_seldom()  # as the lake writer does once it is set up
    meter.steps, meter.last = [], meter.now()
    query = start(as_records(records), metered, settings, GracefulStop(), Lock(), until_caught_up=True)
    query.awaitTermination()
    metered.index.close()
    database.close()
    return meter.steps


def batches_of(steps: list[tuple[str, Cost]]) -> list[list[tuple[str, Cost]]]:
    found: list[list[tuple[str, Cost]]] = [[]]
    for step in steps:
        found[-1].append(step)
        if step[0] == "after_close":
            found.append([])
    return found[:-1]


def whole(batch: list[tuple[str, Cost]]) -> Cost:
    """All steps of a batch together."""
    return Cost(*map(sum, zip(*(cost for _, cost in batch), strict=True)))


def summary(batches: list[list[tuple[str, Cost]]]) -> dict[str, Any]:
    """The median batch, and the median of each step."""
    by_step: defaultdict[str, list[Cost]] = defaultdict(list)
    for batch in batches:
        by_step["batch"].append(whole(batch))
        for step, cost in batch:
            by_step[step].append(cost)
    return {
        step: Cost(*(round(median(values), 3) for values in zip(*costs, strict=True)))
        for step, costs in by_step.items()
    }


def measure(
    settings: Settings, sizes: list[int], batches: int, warm_up: int, java_options: list[str]
) -> dict[str, dict[str, Cost]]:
    """By batch size. The first batch of a size starts its query and does not count."""
    spark = get_session("bench.batch", settings.stream, java_options=java_options)
    meter = Meter(spark.sparkContext._gateway.proc.pid, [], Cost(0, 0))  # type: ignore[union-attr]
    found = {}
    rounds = [(WARM_UP, 2_000, warm_up), *((str(size), size, size * (batches + 1)) for size in sizes)]
    for seed, (name, size, records) in enumerate(rounds):
        if records:
            send(
                Request(Plan(rate=None, count=records), DEFAULT_TRAFFIC, seed),
                settings.kafka,
                settings.manifest,
            )
            stream = settings.stream.model_copy(update={"max_offsets_per_trigger": size})
            steps = drain(spark, settings.model_copy(update={"stream": stream}), meter)
            found[name] = summary(batches_of(steps)[1 if name != WARM_UP else 0 : batches + 1])
    return found


def told(found: dict[str, dict[str, Cost]], before: dict[str, dict[str, Cost]]) -> Iterator[str]:
    """Markdown, with ratios to `before` where that has the same."""
    yield "| records | step | core-s | s | core-s, of before | s, of before |\n|---|---|---|---|---|---|"
    for size, steps in found.items():
        for step, cost in steps.items():
            then = before.get(size, {}).get(step, (0, 0))
            ratios = (f"{now / was:.2f}" if was else "" for now, was in zip(cost, then, strict=True))
            yield f"| {size} | {step} | {cost.processor:.3f} | {cost.elapsed:.3f} | {' | '.join(ratios)} |"


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.batch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[20, 2_000, 20_000], help="records of a batch"
    )
    parser.add_argument("--batches", type=int, default=20, help="of each size (20)")
    parser.add_argument("--warm-up", type=int, default=60_000, help="records before, not counted (60,000)")
    parser.add_argument("--java-option", action="append", default=[], help="of the JVM, a further one")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--compare", type=Path, help="figures of an earlier run")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    before = json.loads(args.compare.read_text()) if args.compare else {}
    # Not below a folder that only we may enter: PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory(prefix="saleslake-batch-") as folder, servers(Path(folder)) as settings:
        found = measure(settings, args.sizes, args.batches, args.warm_up, args.java_option)
    print("\n".join(told(found, before)))
    if args.json:
        args.json.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
