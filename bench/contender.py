"""
Runs a contender over an order log: it has the machine, and a PostgreSQL of its own, to itself.

What counts is what can be asked for: an order counts when PostgreSQL's answers have it. Core-seconds are
those of the contender's process tree and of its PostgreSQL; the broker, which all share, is left out.
"""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple, Protocol

import psutil
import psycopg
import pyarrow as pa

from bench.guarantees import Guarantees
from bench.measuring import pss, spent, tree
from bench.order_log import PRODUCT_KEY, REGION_KEY, Answers
from include.errors import LakehouseError
from include.sales_db import connect
from include.settings import KafkaSettings, PostgresSettings, child_environment
from stack import postgres
from stack.postgres import PostgresServer
from stack.processes import end, free_port

LOOK_SECONDS, MEMORY_EACH_SECONDS = 0.25, 5.0
ENDS_WITHIN_SECONDS = 20
# Whoever checks nothing has orders of the year 58874, too: wrong, but to be counted.
IN_PYTHON = "least(greatest(minute_utc, '0001-01-02 00:00Z'), '9999-12-30 23:59Z')"
SO_FAR = "select coalesce(sum(orders), 0) from answers.region_sales_minute"
LAST_LINES = 1_500
CORES = 2


class BenchmarkError(LakehouseError):
    """A measurement could not be made; no figure of it counts."""


@dataclass(frozen=True)
class Launch:
    command: list[str]
    environment: dict[str, str]
    database: str


class Contender(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def tuning(self) -> str: ...
    @property
    def guarantees(self) -> Guarantees: ...

    def launch(self, server: PostgresServer, kafka: KafkaSettings, folder: Path) -> Launch:
        """How to start it on an empty server and an empty folder. The answers exist, or come with it."""


class Sample(NamedTuple):
    seconds: float  # since its start
    processor: float  # core-seconds of the contender
    database: float  # core-seconds of its PostgreSQL
    orders: int  # in the answers

    @property
    def core_seconds(self) -> float:
        return self.processor + self.database


@dataclass
class Running:
    """A contender at work."""

    process: "subprocess.Popen[bytes]"
    answers: PostgresSettings
    server: psutil.Process
    log: Path
    database_at_start: float
    began: float = field(default_factory=monotonic)
    peak_memory: int = 0
    samples: list[Sample] = field(default_factory=list)
    _next_memory: float = 0.0
    _connection: psycopg.Connection | None = None  # one for all looks: a new one costs more than the question

    def look(self) -> Sample:
        """
        Raises:
            BenchmarkError: it has ended.
        """
        if self.process.poll() is not None:
            said = self.log.read_text(errors="replace")[-LAST_LINES:]
            raise BenchmarkError(
                f"Running {self.process.args!r}: it ended with {self.process.returncode} before all orders"
                f" were in PostgreSQL. Its figures do not count. The end of its log:\n{said}"
            )
        elapsed = monotonic() - self.began
        if elapsed >= self._next_memory:
            self._next_memory = elapsed + MEMORY_EACH_SECONDS
            self.note_memory()
        used = spent(self.server) - self.database_at_start
        sample = Sample(elapsed, spent(psutil.Process(self.process.pid)), used, self.orders())
        self.samples.append(sample)
        return sample

    def note_memory(self) -> None:
        self.peak_memory = max(self.peak_memory, pss(tree(psutil.Process(self.process.pid))))

    def orders(self) -> int:
        """In the answers so far; 0 before there are any."""
        if self._connection is None:
            self._connection = connect(self.answers, application_name="bench", autocommit=True)
        try:
            row = self._connection.execute(SO_FAR).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return 0
        return int(row[0]) if row else 0

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def answered(self) -> Answers:
        with closing(connect(self.answers, application_name="bench")) as connection:
            return Answers(
                _table(connection, "product_sales_minute", PRODUCT_KEY, ["units", "revenue_cents"]),
                _table(connection, "region_sales_minute", REGION_KEY, ["orders", "revenue_cents"]),
            )


@contextmanager
def running(contender: Contender, kafka: KafkaSettings, folder: Path) -> Iterator[Running]:
    """It has started inside the block; afterwards neither it nor its PostgreSQL runs."""
    (folder / "postgres").mkdir(parents=True)
    server = PostgresServer(folder / "postgres" / "data", free_port(), folder / "postgres" / "admin")
    with ExitStack() as stack:
        stack.enter_context(postgres.running(server, folder / "postgres.log"))
        postmaster = psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))
        work, log = folder / "work", folder / "contender.log"
        work.mkdir()
        launch = contender.launch(server, kafka, work)
        before = spent(postmaster)
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603
                launch.command, env=child_environment(**launch.environment), cwd=work,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        stack.callback(_end_with_children, process)
        run = Running(process, server.as_superuser(launch.database), postmaster, log, before)
        stack.callback(run.close)
        yield run


def _end_with_children(process: "subprocess.Popen[bytes]") -> None:
    end(process, seconds=ENDS_WITHIN_SECONDS, interrupt=signal.SIGTERM)
    # What it started and left behind is in its session, which is ours alone.
    for left in _of_session(process.pid):
        os.kill(left, signal.SIGKILL)


def _of_session(leader: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if os.getsid(int(folder.name)) == leader:
                    found.append(int(folder.name))
            except (ProcessLookupError, PermissionError):
                continue
    return found


def drain(run: Running, orders: int, *, within_seconds: float) -> None:
    """
    Return when all orders are in the answers.

    Raises:
        BenchmarkError: they are not in time, or the contender ended.
    """
    while (found := run.look().orders) < orders:
        if run.samples[-1].seconds > within_seconds:
            raise BenchmarkError(
                f"Draining {orders:,} orders: {found:,} were in PostgreSQL after {within_seconds:,.0f} s."
                f" Its figures do not count. Its log ends with:\n{run.log.read_text()[-LAST_LINES:]}"
            )
        sleep(LOOK_SECONDS)
    run.note_memory()


def contender_environment(kafka: KafkaSettings, postgres_url: str, folder: Path) -> dict[str, str]:
    return {
        "BENCH_BOOTSTRAP": kafka.bootstrap_servers,
        "BENCH_TOPIC": kafka.orders_topic,
        "BENCH_POSTGRES": postgres_url,
        "BENCH_FOLDER": str(folder),
        "BENCH_CORES": str(CORES),
    }


def own_database(server: PostgresServer) -> tuple[str, str]:
    """A database of its owner's: its name, and a URL with a password made for it."""
    password = secrets.token_urlsafe(16)
    postgres.ensure_role(server, "contender", password)
    postgres.ensure_database(server, "contender", owner="contender")
    return "contender", f"postgresql://contender:{password}@127.0.0.1:{server.port}/contender"


def _table(connection: psycopg.Connection, name: str, key: list[str], sums: list[str]) -> pa.Table:
    columns = [*key, *sums]
    values = [IN_PYTHON if column == "minute_utc" else column for column in columns]
    query = f"select {', '.join(values)} from answers.{name}"  # noqa: S608 - constants
    rows = connection.execute(query).fetchall()
    kinds = {"minute_utc": pa.timestamp("us", "UTC")}
    values = zip(*rows, strict=True) if rows else [[] for _ in columns]
    arrays = {
        column: pa.array(list(found), kinds.get(column, pa.int64() if column in sums else pa.string()))
        for column, found in zip(columns, values, strict=True)
    }
    return pa.table(arrays).sort_by([(column, "ascending") for column in key])
