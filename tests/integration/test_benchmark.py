"""The benchmark's harness, over a small log: a figure counts when the answers are right, and only then."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pytest

from bench import throughput
from bench.contender import Launch, contender_environment, own_database
from bench.guarantees import Guarantees
from bench.order_log import DEFAULT_TRAFFIC, OrderLog, order_log
from bench.saleslake import GUARANTEES, Saleslake
from include.settings import KafkaSettings
from stack.postgres import PostgresServer

pytestmark = pytest.mark.stack
RECORDS = 3_000
FIRST_OF_EACH = """
select count(*), sum(total_cents), sum(units), sum(goods_cents) from
    (select *, row_number() over (partition by order_id order by "offset") as number
     from events where reasons = '' and ack = 'ok') as good
where number = 1
"""
# Counts as many orders as there are, and knows nothing about them.
MAKES_IT_UP = """
import os, time, psycopg
with psycopg.connect(os.environ["BENCH_POSTGRES"], autocommit=True) as connection:
    connection.execute("create schema answers")
    connection.execute("create table answers.product_sales_minute (minute_utc timestamptz, product_id text,"
                       " region text, units bigint, revenue_cents bigint)")
    connection.execute("create table answers.region_sales_minute as select now() as minute_utc,"
                       " 'AMER' as region, {orders}::bigint as orders, 1::bigint as revenue_cents")
    time.sleep(60)
"""


@dataclass(frozen=True)
class Script:
    """A contender that is a few lines of Python."""

    name: str
    lines: str
    tuning: str = ""
    guarantees: Guarantees = GUARANTEES

    @property
    def title(self) -> str:
        return self.name

    def launch(self, server: PostgresServer, kafka: KafkaSettings, folder: Path) -> Launch:
        database, url = own_database(server)
        return Launch([sys.executable, "-c", self.lines], contender_environment(kafka, url, folder), database)


@pytest.fixture(scope="module")
def log(server_folder: Path) -> Iterator[OrderLog]:
    with order_log(server_folder / "benchmark", orders=RECORDS, seed=3, shares=DEFAULT_TRAFFIC) as made:
        yield made


def drained(log: OrderLog, folder: Path, *contenders: Script | Saleslake) -> dict[str, dict[str, object]]:
    told: list[str] = []
    found = throughput.measure(contenders, log, folder, runs=1, tell=told.append)
    assert len(told) == len(contenders)
    assert throughput.told(found)
    return found["contenders"]


def test_saleslake_answers_as_the_log_says(log, server_folder):
    """Start to end: broker, log, truth, lake writer, PostgreSQL, both answers compared."""
    found = drained(log, server_folder / "drained", Saleslake())["saleslake"]

    assert "failed" not in found, found.get("failed")
    assert found["whole_seconds"]["runs"] == 1
    assert found["whole_orders_per_core_second"]["median"] > 0
    assert found["peak_memory_bytes"]["median"] > 100e6


def test_who_answers_wrongly_or_ends_has_no_figures(log, server_folder, monkeypatch):
    """Nor does it keep others from having theirs."""
    monkeypatch.setattr(throughput, "SETTLES_WITHIN_SECONDS", 1)
    liar = Script("made up", MAKES_IT_UP.format(orders=log.truth.orders))
    found = drained(log, server_folder / "scripts", liar, Script("ends", "raise SystemExit(3)"))

    assert "rows of product_sales_minute instead of" in str(found["made up"]["failed"])
    assert "it ended with 3" in str(found["ends"]["failed"])
    assert not any("orders_per_core_second" in one for one in found.values())


def test_the_truth_is_that_of_the_manifest(log):
    """Of an order's good records the first one in its partition counts; the manifest says it another way."""
    with closing(sqlite3.connect(log.manifest)) as connection:
        orders, cents, units, goods = connection.execute(FIRST_OF_EACH).fetchone()

    assert log.records == RECORDS > orders
    assert (log.truth.orders, log.truth.revenue_cents) == (orders, cents)
    products = log.truth.products
    assert (pc.sum(products["units"]).as_py(), pc.sum(products["revenue_cents"]).as_py()) == (units, goods)
