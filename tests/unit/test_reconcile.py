"""A right lake passes; every kind of damage is found, in the layer where it is."""

import dataclasses
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.reconcile.checks import Check
from include.reconcile.database import DatabaseCut
from include.reconcile.lake import read_lake
from include.reconcile.manifest import read_manifest
from include.reconcile.run import compare
from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
)
from simulator.traffic import Shares
from tests.small_database import database_of
from tests.small_lake import TOPIC, SmallLake, add_gold, lake_of, note_down, some_events

Damage = Callable[[SmallLake], None]


def checks_of(
    folder: Path, lake: SmallLake, database: DatabaseCut | None = None, *, require_marts: bool = False
) -> dict[str, Check]:
    """Reconcile the lake with the manifest in `folder`."""
    lake.write(folder / "lake")
    database = database or database_of(lake)
    cut = read_lake(folder / "lake", database.batch_id or 0)
    truth = read_manifest(folder / "manifest.sqlite", TOPIC)
    checks, _ = compare(database, cut, truth, require_marts=require_marts)
    return {check.layer: check for check in checks}


def failed(checks: dict[str, Check]) -> set[str]:
    return {layer for layer, check in checks.items() if check.failures}


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    """A right lake of 600 records, and its manifest in `tmp_path`."""
    events = some_events()
    note_down(tmp_path / "manifest.sqlite", events)
    return lake_of(events)


def test_a_right_lake_passes(tmp_path: Path, lake: SmallLake) -> None:
    """Nothing fails, every layer is compared, and no layer is empty."""
    checks = checks_of(tmp_path, lake, require_marts=True)

    assert failed(checks) == set()
    assert all(check.compared and check.rows for check in checks.values())


def more_money(row: dict[str, Any]) -> None:
    name = "revenue_cents" if "revenue_cents" in row else "total_cents"
    row[name] += 1


def drop_rejected_reason(lake: SmallLake) -> None:
    row = next(r for r in lake.rows[SILVER_REJECTED] if r["reasons"] not in ([], ["not_json"]))
    row["reasons"] = ["not_json"]


def swap_duplicate(lake: SmallLake) -> None:
    row = next(r for r in lake.rows[SILVER_REJECTED] if r["disposition"] == "duplicate")
    row.update(disposition="quarantined", reasons=["order_conflict"])


def accept_twice(lake: SmallLake) -> None:
    lake.rows[SILVER_ORDERS].append(lake.rows[SILVER_ORDERS][5])


def judge_twice(lake: SmallLake) -> None:
    order = lake.rows[SILVER_ORDERS][5]
    lake.rows[SILVER_REJECTED].append(
        {**order, "disposition": "duplicate", "reasons": [], "amount_cents": order["total_cents"]}
    )


@pytest.mark.parametrize(
    ("damage", "layers"),
    [
        (lambda lake: more_money(lake.rows[GOLD_ORDER_VALUE_MINUTE][3]), {"gold.order_value_minute"}),
        (lambda lake: more_money(lake.rows[GOLD_PRODUCT_SALES_MINUTE][3]), {"gold.product_sales_minute"}),
        (lambda lake: lake.rows[GOLD_ORDER_VALUE_MINUTE].pop(), {"gold.order_value_minute"}),
        (lambda lake: lake.rows[BRONZE_ORDERS].append(lake.rows[BRONZE_ORDERS][7]), {"bronze.orders"}),
        (drop_rejected_reason, {"truth manifest"}),
        (accept_twice, {"silver.orders", "truth manifest", "gold.order_value_minute"}),
        (judge_twice, {"silver.orders", "silver.rejected duplicate"}),
    ],
)
def test_damage_of_the_lake_is_found(
    tmp_path: Path, lake: SmallLake, damage: Damage, layers: set[str]
) -> None:
    """PostgreSQL is right, one table is not: the check of that table fails."""
    database = database_of(lake)
    damage(lake)

    assert layers <= failed(checks_of(tmp_path, lake, database))


def test_a_change_that_every_layer_agrees_on_is_found(tmp_path: Path) -> None:
    """An order that is a cent off in silver, gold, live and marts alike differs from the manifest."""
    events = some_events(shares=Shares())
    note_down(tmp_path / "manifest.sqlite", events)
    right = lake_of(events)
    right.rows[SILVER_ORDERS][5]["total_cents"] += 1
    lake = SmallLake({**right.rows, GOLD_ORDER_VALUE_MINUTE: [], GOLD_PRODUCT_SALES_MINUTE: []})
    add_gold(lake)

    assert failed(checks_of(tmp_path, lake)) == {"truth manifest"}


def test_a_lost_record_is_found(tmp_path: Path) -> None:
    """An acknowledged record below the ledger's end that is nowhere is lost, whatever the layers agree on."""
    events = some_events(shares=Shares())
    note_down(tmp_path / "manifest.sqlite", events)
    lake = lake_of(events)
    lost = lake.rows[SILVER_ORDERS].pop(300)
    lake.rows[BRONZE_ORDERS] = [r for r in lake.rows[BRONZE_ORDERS] if position(r) != position(lost)]
    lake.rows[GOLD_ORDER_VALUE_MINUTE].clear()
    lake.rows[GOLD_PRODUCT_SALES_MINUTE].clear()
    add_gold(lake)

    checks = checks_of(tmp_path, lake)

    assert failed(checks) == {"truth manifest", "bronze.orders"}
    assert "is not in bronze.orders" in checks["truth manifest"].problems[0]


def position(row: dict[str, Any]) -> tuple[int, int]:
    return row["partition"], row["offset"]


@pytest.mark.parametrize(
    ("layer", "measure"),
    [
        ("live.order_value_minute", "revenue_cents"),
        ("live.product_sales_minute", "units"),
        ("ops.hour_ledger", "orders"),
    ],
)
def test_damage_of_live_is_found(tmp_path: Path, lake: SmallLake, layer: str, measure: str) -> None:
    """One number of PostgreSQL's live view is off by one."""
    database = database_of(lake)
    sums = {**database.sums, layer: off_by_one(database.sums[layer], measure)}

    assert failed(checks_of(tmp_path, lake, dataclasses.replace(database, sums=sums))) == {layer}


@pytest.mark.parametrize(
    "mart",
    ["fct_orders", "fct_order_lines", "product_sales_hourly", "region_sales_hourly", "order_value_hourly"],
)
def test_damage_of_a_mart_is_found(tmp_path: Path, lake: SmallLake, mart: str) -> None:
    """One number of a mart is off by one cent."""
    database = database_of(lake)
    marts = {**database.marts, mart: off_by_one(database.marts[mart], "revenue_cents")}

    assert failed(checks_of(tmp_path, lake, dataclasses.replace(database, marts=marts))) == {f"marts.{mart}"}


def off_by_one(table: pa.Table, measure: str) -> pa.Table:
    values = table[measure].to_pylist()
    values[1] += 1
    return table.set_column(table.column_names.index(measure), measure, pa.array(values, pa.int64()))


def test_rows_of_a_batch_that_is_not_closed_do_not_count(tmp_path: Path, lake: SmallLake) -> None:
    """The writer is in the middle of the next batch: bronze and silver are ahead of the ledger."""
    database = database_of(lake)
    order = lake.rows[SILVER_ORDERS][5]
    ahead = {**order, "order_id": "next", "offset": 10_000, "batch_id": lake.last_batch + 1}
    lake.rows[SILVER_ORDERS].append(ahead)
    lake.rows[BRONZE_ORDERS].append({**ahead, "headers": []})

    assert failed(checks_of(tmp_path, lake, database)) == set()


def test_an_order_of_somebody_else_is_compared_between_layers_only(tmp_path: Path) -> None:
    """
    A manifest that knows half of the records: the others are foreign, and all passes.

    Orders of which it knows a part only (a repeat, but not the original) are left out, too.
    """
    events = some_events(shares=Shares(duplicates=0.2, conflicts=0.1))
    note_down(tmp_path / "manifest.sqlite", events)
    with sqlite3.connect(tmp_path / "manifest.sqlite") as file:
        file.execute("delete from events where seq % 2 = 0")
    lake = lake_of(events)
    lake.rows[BRONZE_ORDERS][0]["headers"] = None

    checks = checks_of(tmp_path, lake)

    assert failed(checks) == set()
    assert 100 < (checks["truth manifest"].orders or 0) < 300


def test_what_is_acknowledged_but_not_read_yet_is_no_failure(tmp_path: Path, lake: SmallLake) -> None:
    """The stream is behind: records above the ledger's end are counted, not missed."""
    with sqlite3.connect(tmp_path / "manifest.sqlite") as file:
        file.execute(
            "insert into events select run_id, 999999, event_id, 'later', ordered_at_ms, hour_utc, region,"
            " channel, units, goods_cents, total_cents, fault, reasons, content_hash, sent_at_ms, ack,"
            ' partition, "offset" + 100000 from events where seq = 1'
        )

    checks = checks_of(tmp_path, lake)

    assert failed(checks) == set()
    assert checks["truth manifest"].note == "1 acknowledged but not in the lake yet"


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
