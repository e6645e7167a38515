"""A right lake passes; every kind of damage is found, in the layer where it is."""

import dataclasses
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
)
from simulator.traffic import Shares
from tests.reconciling import checks_of, failed, noted_lake, off_by_one
from tests.small_database import database_of
from tests.small_lake import SmallLake, add_gold, lake_of, note_down, some_events

Damage = Callable[[SmallLake], None]


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    return noted_lake(tmp_path)


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
