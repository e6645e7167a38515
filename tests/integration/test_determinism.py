"""The same log processed twice, straight and with 20 crashes and other batches, gives the same lake."""

import logging
import random
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.fault_points import STEPS
from include.sales_db import connect
from include.settings import (
    KafkaSettings,
    LakeSettings,
    PostgresSettings,
    Settings,
    StreamSettings,
)
from lake.reading import delta_table
from lake.tables import TABLES, Table
from stack import kafka
from tests.draining import Crash, catch_up, forget, key_file, reconciled, send_orders

# py4j tells of every exception that crosses from Python to Java; here each is meant.
logging.getLogger("py4j").setLevel(logging.CRITICAL)

pytestmark = [pytest.mark.spark, pytest.mark.stack]

CRASHES, ORDERS, SEED = 20, 1_200, 4
# What only tells in which batch and when a record was handled.
OF_THE_BATCH = {"batch_id", "ingested_at"}
SUMMED = {"gold.product_sales_minute": ("orders", "units", "revenue_cents"),
          "gold.order_value_minute": ("orders", "revenue_cents")}  # fmt: skip
IN_DATABASE = {
    "live.product_sales_minute": "select * from live.product_sales_minute",
    "live.order_value_minute": "select * from live.order_value_minute",
    "live.products": "select product_id, product_name, category from live.products",
    "ops.hour_ledger": "select hour_utc, orders, revenue_cents from ops.hour_ledger",
    "ops.ledger": "select partition, min(start_offset), max(end_offset), sum(read_rows), sum(read_cents),"
    " sum(silver_rows), sum(silver_cents), sum(duplicate_rows), sum(duplicate_cents), sum(quarantined_rows),"
    " sum(quarantined_cents) from ops.ledger group by partition",
}


@pytest.fixture
def topic(kafka_broker: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap_servers=kafka_broker, orders_topic="determinism.v1")
    kafka.ensure_topic(settings)
    return settings


@pytest.fixture
def lake_at(topic, own_sales_database, tmp_path) -> Callable[..., Settings]:
    def settings(name: str, **stream: Any) -> Settings:
        return Settings(
            manifest=tmp_path / "manifest.sqlite",
            kafka=topic,
            postgres=own_sales_database,
            lake=LakeSettings(root=tmp_path / name, email_hmac_key_file=key_file(tmp_path)),
            stream=StreamSettings(**stream),
        )

    return settings


def content(settings: Settings) -> dict[str, list[str]]:
    """Every row of lake and database but for what tells of batches."""
    in_lake = {table.full_name: _rows(table, settings.lake.root) for table in TABLES}
    return in_lake | _in_database(settings.postgres)


def _rows(table: Table, root: Path) -> list[str]:
    rows = pa.table(delta_table(table, root).to_pyarrow_dataset().to_table())
    kept = rows.drop_columns([name for name in rows.column_names if name in OF_THE_BATCH])
    if measures := SUMMED.get(table.full_name):
        keys = [name for name in kept.column_names if name not in measures]
        kept = kept.group_by(keys).aggregate([(name, "sum") for name in measures])
    return sorted(map(str, kept.to_pylist()))


def _in_database(postgres: PostgresSettings) -> dict[str, list[str]]:
    with closing(connect(postgres, application_name="test")) as connection:
        return {name: sorted(map(str, connection.execute(query))) for name, query in IN_DATABASE.items()}


def catch_up_with_crashes(settings: Settings, spark, draw: random.Random) -> int:
    """Start a driver again and again, each dying at some step of some batch. Returns how many died."""
    for died in range(CRASHES):
        try:
            catch_up(settings, spark, crash_at(draw.choice(STEPS), after_batches=draw.randrange(3)))
        except Crash:
            continue
        return died
    catch_up(settings, spark)
    return CRASHES


def crash_at(fatal: str, *, after_batches: int) -> Callable[[str], None]:
    survived = count()

    def reach(step: str) -> None:
        if step == fatal and next(survived) >= after_batches:
            raise Crash(step)

    return reach


def test_crashes_and_other_batches_change_nothing(lake_at, own_postgres_server, spark):
    """Silver, rejected, gold, live and the ledger's sums are equal to the last cent, and so is the truth."""
    straight = lake_at("straight")
    send_orders(straight, ORDERS, seed=SEED)
    catch_up(straight, spark)
    expected = content(straight)
    assert reconciled(straight).passed

    superuser = own_postgres_server.as_superuser("sales")
    with closing(connect(superuser, application_name="test", autocommit=True)) as owner:
        forget(owner)
    disturbed = lake_at("disturbed", max_offsets_per_trigger=70)
    died = catch_up_with_crashes(disturbed, spark, random.Random(SEED))  # noqa: S311

    assert died == CRASHES
    found = content(disturbed)
    assert {name: len(rows) for name, rows in found.items()} == {n: len(r) for n, r in expected.items()}
    assert found == expected
    assert reconciled(disturbed).passed
