"""The marts are compared with what was in the lake when their hour was published."""

import dataclasses
from pathlib import Path

import pyarrow.compute as pc
import pytest

from simulator.traffic import Shares
from tests.reconciling import checks_of, failed, noted_lake, off_by_one
from tests.small_database import database_of
from tests.small_lake import SmallLake, lake_of, note_down, some_events


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    return noted_lake(tmp_path)


@pytest.mark.parametrize(
    "mart",
    ["fct_orders", "fct_order_lines", "product_sales_hourly", "region_sales_hourly", "order_value_hourly"],
)
def test_damage_of_a_mart_is_found(tmp_path: Path, lake: SmallLake, mart: str) -> None:
    """One number of a mart is off by one cent."""
    database = database_of(lake)
    marts = {**database.marts, mart: off_by_one(database.marts[mart], "revenue_cents")}

    assert failed(checks_of(tmp_path, lake, dataclasses.replace(database, marts=marts))) == {f"marts.{mart}"}


def test_a_mart_is_held_against_what_was_there_when_it_was_published(tmp_path: Path) -> None:
    """An hour published at batch 2 holds the orders of batches up to 2, and passes."""
    events = some_events(shares=Shares(late=0.2))
    note_down(tmp_path / "manifest.sqlite", events)
    then, now = lake_of(events[:300]), lake_of(events)
    published = database_of(then)
    database = dataclasses.replace(
        database_of(now), marts=published.marts, publications=published.publications
    )

    checks = checks_of(tmp_path, now, database)

    assert failed(checks) == set()
    assert "newer than their hour's publication" in checks["marts.region_sales_hourly"].note


def test_an_unpublished_hour_fails_only_when_marts_are_required(tmp_path: Path, lake: SmallLake) -> None:
    """Without publications the marts are not compared; with --require-marts that is a failure."""
    full = database_of(lake)
    assert full.publications is not None
    none = full.publications.filter(pc.equal(full.publications["mart"], "no such mart"))
    marts = {mart: table.slice(0, 0) for mart, table in full.marts.items()}
    database = dataclasses.replace(full, marts=marts, publications=none)

    lenient = checks_of(tmp_path, lake, database)
    strict = checks_of(tmp_path, lake, database, require_marts=True)

    assert failed(lenient) == set()
    assert lenient["marts.fct_orders"].result == "-"
    assert failed(strict) == {f"marts.{mart}" for mart in full.marts}


def test_an_hour_that_began_after_the_latest_publication_is_not_overdue(tmp_path: Path) -> None:
    """Orders go on arriving: only hours the latest publication could know are required."""
    events = some_events(shares=Shares())
    note_down(tmp_path / "manifest.sqlite", events)
    then, now = database_of(lake_of(events[:100])), lake_of(events)
    database = dataclasses.replace(database_of(now), marts=then.marts, publications=then.publications)

    checks = checks_of(tmp_path, now, database, require_marts=True)

    assert failed(checks) == set()
    assert "hours not published" in checks["marts.region_sales_hourly"].note
