"""A damaged table: the start says what it found, a rebuild from bronze heals it, every cent is there."""

import shutil
from pathlib import Path

import pytest

from include.errors import TableDamaged
from include.settings import Settings
from lake.tables import BRONZE_ORDERS, GOLD_ORDER_VALUE_MINUTE, SILVER_ORDERS, SILVER_REJECTED, Table
from spark.batch import rebuild_lake
from tests.draining import goes_on, refused

pytestmark = [pytest.mark.spark, pytest.mark.stack]


REBUILT = (SILVER_ORDERS, SILVER_REJECTED, GOLD_ORDER_VALUE_MINUTE)


def log_of(settings: Settings, table: Table) -> list[Path]:
    return sorted((table.path(settings.lake.root) / "_delta_log").glob("*.json"))


def empty_last_commit(settings: Settings, table: Table) -> None:
    log_of(settings, table)[-1].write_text("")


def torn_last_commit(settings: Settings, table: Table) -> None:
    commit = log_of(settings, table)[-1]
    commit.write_bytes(commit.read_bytes()[:-40])


def lost_file(settings: Settings, table: Table) -> None:
    max(table.path(settings.lake.root).rglob("*.parquet")).unlink()


def shorter_file(settings: Settings, table: Table) -> None:
    file = max(table.path(settings.lake.root).rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-1])


def lost_table(settings: Settings, table: Table) -> None:
    shutil.rmtree(table.path(settings.lake.root))


@pytest.mark.parametrize("table", REBUILT, ids=[table.full_name for table in REBUILT])
@pytest.mark.parametrize("damage", [empty_last_commit, torn_last_commit, lost_file, shorter_file, lost_table])
def test_a_damaged_table_is_refused(lake, spark, table, damage):
    """Before anything is written, and with the command that heals it."""
    damage(lake, table)
    refused(lake, spark, TableDamaged, table.full_name, "`saleslake rebuild --from-bronze`")


def test_damaged_tables_are_rebuilt_from_bronze(lake, spark):
    """Three kinds of damage at once; the swapped-in tables equal the ledger and go on with the stream."""
    empty_last_commit(lake, SILVER_ORDERS)
    lost_file(lake, SILVER_REJECTED)
    lost_table(lake, GOLD_ORDER_VALUE_MINUTE)
    refused(lake, spark, TableDamaged)

    assert rebuild_lake.run(lake, replacing=True)

    goes_on(lake, spark)
    assert rebuild_lake.run(lake, replacing=False), "a rebuild does not equal the stream"


def test_a_changed_amount_is_found_by_the_comparison(lake, spark):
    """Same number of rows, one cent more in silver: `rebuild --check` says so."""
    silver = str(SILVER_ORDERS.path(lake.lake.root))
    spark.sql(f"update delta.`{silver}` set tax_cents = tax_cents + 1 where batch_id = 0")

    assert not rebuild_lake.run(lake, replacing=False)


@pytest.mark.parametrize("damage", [empty_last_commit, lost_file])
def test_damaged_bronze_cannot_be_rebuilt(lake, spark, damage):
    """It is the source of all else: the start says that only a backup or the topic brings it back."""
    damage(lake, BRONZE_ORDERS)
    refused(lake, spark, TableDamaged, "bronze.orders", "from a backup")
