"""Lakes side by side in one Spark session: each with its broker and PostgreSQL, measured in turns."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from psycopg import sql
from pyspark.sql import SparkSession

from bench.batch import Meter, drain, servers
from bench.measuring import Cost, Found, postgres_of, spread, spread_of_costs
from bench.published import Stand, stand
from include.publish.marts import MARTS
from include.settings import Settings
from simulator.schedule import Plan
from simulator.session import Request, send
from simulator.traffic import Shares
from spark.streaming.database import Database
from spark.streaming.progress import Heartbeat

HOUR = timedelta(hours=1)
# A part for every table, and no late orders: the hour that is published again and again stays what it is.
TRAFFIC = Shares(duplicates=0.02, bad=0.01, conflicts=0.002)
USUAL_PARTITIONS = 4
SEEDS = 1_000  # that a lake uses at most, one for each time that it is written to


@dataclass(frozen=True)
class Work:
    """What is measured again and again."""

    records: tuple[int, ...] = (20_000, 200)  # of a batch
    batches: int = 2  # counted, of each, in each round
    rounds: int = 2  # the one lake first, then the other
    hour_orders: int = 20_000  # of the hour that is published
    warm_up: int = 40_000
    seed: int = 1


class BatchMeter(Meter):
    """A batch as one step."""

    def note(self, step: str) -> None:
        if step == "after_close":
            super().note("batch")


@dataclass
class Lake:
    """One of the two lakes."""

    settings: Settings
    meter: BatchMeter
    publisher: Stand
    seed: int = 0

    def write(self, spark: SparkSession, records: int, size: int, *, plan: Plan | None = None) -> list[Cost]:
        """What each full batch costs but the first one, which starts the query."""
        self.seed += 1
        plan = plan or Plan(rate=None, count=records)
        send(Request(plan, TRAFFIC, self.seed), self.settings.kafka, self.settings.manifest)
        stream = self.settings.stream.model_copy(update={"max_offsets_per_trigger": size})
        self.meter.postgres = postgres_of(self.settings)
        steps = drain(spark, self.settings.model_copy(update={"stream": stream}), self.meter)
        # Duplicates come on top of the orders: what they leave for a last batch is none of that size.
        return [cost for _, cost in steps[1 : records // size]]

    def publish(self) -> Cost:
        self._forget_hour()
        return self.publisher.meter.cost_of(self.publisher.publish)

    def _forget_hour(self) -> None:
        connection = self.publisher.superuser
        tables = [sql.Identifier("marts", "publications"), *(mart.table for mart in reversed(MARTS))]
        for table in tables:
            forget = sql.SQL("delete from {} where hour_utc = %s").format(table)
            connection.execute(forget, [self.publisher.hour])
            connection.execute(sql.SQL("vacuum {}").format(table))


def open_lake(
    held: ExitStack, spark: SparkSession, folder: Path, work: Work, partitions: int = USUAL_PARTITIONS
) -> Lake:
    """A lake with one hour of orders, and a warm session."""
    folder.mkdir()
    settings = held.enter_context(servers(folder, partitions=partitions))
    java = spark.sparkContext._gateway.proc.pid  # type: ignore[union-attr]
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
    lake = Lake(
        settings,
        BatchMeter(java, [], Cost(0, 0)),
        held.enter_context(stand(settings, hour)),
        work.seed * SEEDS,
    )
    _report_once(settings)
    plan = Plan(rate=None, count=work.hour_orders, start=hour, span=HOUR)
    lake.write(spark, work.hour_orders, 2_000, plan=plan)
    lake.write(spark, work.warm_up, 20_000)
    lake.publish()
    return lake


def _report_once(settings: Settings) -> None:
    """The lake writer has said that it is there: whoever publishes asks how far it has read."""
    heartbeat = Heartbeat(Database(settings.postgres, application_name="bench"), seconds=5)
    heartbeat.start()
    heartbeat.end("stopped")


def compared(spark: SparkSession, still: Lake, growing: Lake, work: Work) -> Found:
    costs: dict[str, tuple[list[Cost], list[Cost]]] = {}
    for number in range(work.rounds):
        turn = slice(None, None, -1 if number % 2 else 1)
        for records in work.records:
            pair = costs.setdefault(f"batch of {records}", ([], []))
            for lake, kept in list(zip((still, growing), pair, strict=True))[turn]:
                kept += lake.write(spark, records * (work.batches + 1), records)
        pair = costs.setdefault("publishing an hour", ([], []))
        for _ in range(work.batches):
            for lake, kept in list(zip((still, growing), pair, strict=True))[turn]:
                kept.append(lake.publish())
    return {name: _as_ratios(*pair) for name, pair in costs.items()}


def _as_ratios(still: list[Cost], growing: list[Cost]) -> Found:
    pairs = list(zip(growing, still, strict=True))
    return {
        "still": spread_of_costs(still),
        "growing": spread_of_costs(growing),
        "ratio_core_seconds": spread(one.processor / other.processor for one, other in pairs),
        "ratio_seconds": spread(one.elapsed / other.elapsed for one, other in pairs),
    }
