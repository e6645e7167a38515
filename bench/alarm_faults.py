"""What goes wrong in `bench.alarms`: how each fault begins, which alerts it owes, and how it ends."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import LiteralString, NamedTuple

import psutil

from bench.own_stack import saleslake, silent
from include.airflow_api import AirflowApi
from include.publish.request import PARTITION_KEY_FORMAT
from include.sales_db import connect
from include.settings import get_settings
from lake.reading import delta_table
from lake.tables import GOLD_ORDER_VALUE_MINUTE
from stack.chaos.disk import fill_up, make_file_system, mounted
from stack.chaos.stand import Stand
from stack.configuration import LAKE_WRITER, STREAM_WATCHDOG
from stack.layout import Ports, kept_ports
from stack.lifecycle import Wanted, up
from stack.parts import postgres_server

SMALL_DISK_BYTES = 16 << 20
PUBLISHED_WITHIN_SECONDS = 600


class Fault(NamedTuple):
    """Something that goes wrong within the block; `alerts` have to fire before it ends."""

    name: str
    alerts: tuple[str, ...]
    happening: Callable[[Stand], AbstractContextManager[None]]


def heal(stand: Stand, rate: float) -> None:
    """Every part runs, as it did in the beginning."""
    up(stand.folder, Wanted(simulator_rate=rate), silent)


def stopped(*names: str) -> Callable[[Stand], AbstractContextManager[None]]:
    """Parts are stopped, and stay so until the end."""

    @contextmanager
    def fault(stand: Stand) -> Iterator[None]:
        for name in names:
            stand.supervisor.stop(name)
        try:
            yield
        finally:
            for name in names:
                stand.supervisor.start(name)

    return fault


@contextmanager
def nobody_helps(stand: Stand) -> Iterator[None]:
    """Who would replace a stuck writer is away, and then PostgreSQL stops answering it, and only it."""
    with stopped("airflow-scheduler", STREAM_WATCHDOG, "host-exporter")(stand):
        sessions = stand.sessions_of_writer("lake-writer%")
        for session in sessions:
            session.suspend()
        try:
            yield
        finally:
            for session in sessions:
                with suppress(psutil.NoSuchProcess):
                    session.resume()


@contextmanager
def poison(stand: Stand) -> Iterator[None]:
    """A producer goes mad; its records are outweighed by good ones in the end."""
    # The share is that of a quarter of an hour, in which 45,000 good ones came.
    saleslake(stand.folder, "simulate", "--count", "60000", "--bad", "100%", "--seed", "66")
    yield
    saleslake(stand.folder, "simulate", "--count", "650000", "--seed", "67")


@contextmanager
def edited_ledger(stand: Stand) -> Iterator[None]:
    """Somebody with the superuser's password takes the checks off the books, and a record and a cent out."""
    by_hand: LiteralString = (
        "update ops.ledger set silver_rows = silver_rows + %(by)s, silver_cents = silver_cents + %(by)s"
        " where (batch_id, partition) = (select batch_id, partition from ops.ledger order by 1, 2 limit 1)"
    )
    checks: LiteralString = (
        "alter table ops.ledger add check (read_rows = silver_rows + duplicate_rows + quarantined_rows),"
        " add check (read_cents = silver_cents + duplicate_cents + quarantined_cents)"
    )
    _as_superuser(
        stand, "alter table ops.ledger drop constraint ledger_check1, drop constraint ledger_check2"
    )
    _as_superuser(stand, by_hand, by=-1)
    yield
    _as_superuser(stand, by_hand, by=1)
    _as_superuser(stand, checks)


def _as_superuser(stand: Stand, statement: LiteralString, **binds: int) -> None:
    ports = kept_ports(stand.folder) or Ports()
    superuser = postgres_server(stand.folder, ports).as_superuser("sales")
    with closing(connect(superuser, application_name="bench", autocommit=True)) as connection:
        connection.execute(statement, binds)


@contextmanager
def wrong_cent(stand: Stand) -> Iterator[None]:
    """A cent too much in gold: its hour must not be published; afterwards it is."""
    with closing(connect(get_settings().postgres, application_name="bench")) as connection:
        found = connection.execute("select max(batch_id) from ops.ledger").fetchone()
    predicate, hour = a_row_of_gold(stand.folder.lake_root, found[0] if found else 0)
    gold = delta_table(GOLD_ORDER_VALUE_MINUTE, stand.folder.lake_root)
    gold.update(predicate=predicate, updates={"revenue_cents": "revenue_cents + 1"})
    with AirflowApi(get_settings().airflow) as airflow:
        run_id = airflow.trigger("publish_marts", {"hours": [f"{hour:{PARTITION_KEY_FORMAT}}"]})
        airflow.wait("publish_marts", run_id, timeout_seconds=PUBLISHED_WITHIN_SECONDS)
        yield
        gold.update_incremental()
        gold.update(predicate=predicate, updates={"revenue_cents": "revenue_cents - 1"})
        airflow.clear("publish_marts", run_id)
        airflow.wait("publish_marts", run_id, timeout_seconds=PUBLISHED_WITHIN_SECONDS)


def a_row_of_gold(lake_root: Path, closed_batch: int) -> tuple[str, datetime]:
    """A predicate that one row of gold.order_value_minute fulfils, of a closed batch, and the row's hour."""
    columns = ["minute_utc", "batch_id", "region", "channel"]
    gold = delta_table(GOLD_ORDER_VALUE_MINUTE, lake_root).to_pyarrow_table(columns=columns)
    rows = [(row.pop("minute_utc"), tuple(row.values())) for row in gold.to_pylist()]
    times = Counter(key for _, key in rows)
    minute, (batch_id, region, channel) = max(
        (row for row in rows if times[row[1]] == 1 and row[1][0] <= closed_batch), key=lambda row: row[1]
    )
    predicate = f"batch_id = {batch_id} and region = '{region}' and channel = '{channel}'"
    return predicate, minute.replace(minute=0)


@contextmanager
def full_disk(stand: Stand) -> Iterator[None]:
    """A file system of its own runs full. Needs root, and a loop device."""
    image = stand.folder.root / "small.img"
    make_file_system(image, SMALL_DISK_BYTES)
    with mounted(image, stand.folder.root / "small") as folder:
        fill_up(folder)
        yield
    image.unlink()


FAULTS = (
    Fault("the lake writer is stopped", ("SaleslakeLakeWriterDown",), stopped(LAKE_WRITER)),
    Fault(
        "a superuser edits the ledger",
        ("SaleslakeRecordsUnaccounted", "SaleslakeCentsUnaccounted"),
        edited_ledger,
    ),
    Fault("Kafka is stopped", ("SaleslakeKafkaDoesNotAnswer", "SaleslakeNotFresh"), stopped("kafka")),
    Fault("PostgreSQL is stopped", ("SaleslakePostgresDown",), stopped("postgres")),
    Fault("a cent too much in gold", ("SaleslakeGateFailed", "SaleslakeIncidentOpen"), wrong_cent),
    Fault("a producer goes mad", ("SaleslakeMuchQuarantined", "SaleslakeMostQuarantined"), poison),
    Fault(
        "scheduler, watchdog and an exporter are stopped, and PostgreSQL does not answer the lake writer",
        (
            "SaleslakeHeartbeatMissed", "SaleslakeStreamStalled", "SaleslakeNotWatched",
            "SaleslakeSchedulerSilent", "SaleslakeLagGrows",
        ),
        nobody_helps,
    ),
    Fault("a disk is full", ("SaleslakeDiskNearlyFull",), full_disk),
)  # fmt: skip
