"""I1, I3, I4, I5 and I6 hold for a right lake, and each is violated by damage of its kind."""

import dataclasses
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import pytest

from include.reconcile.lake import read_lake
from include.reconcile.manifest import read_manifest
from include.reconcile.oracle import judge
from lake.tables import BRONZE_ORDERS, GOLD_ORDER_VALUE_MINUTE, SILVER_ORDERS, SILVER_REJECTED
from stack.invariants.finding import Finding, judged
from stack.invariants.layers import Cut, findings_of
from tests.reconciling import noted_lake, off_by_one
from tests.small_database import database_of
from tests.small_lake import TOPIC, SmallLake

LAYERS = {"I1", "I3", "I4", "I5", "I6"}
Damage = Callable[[SmallLake], object]


class Bench:
    """A lake and its database at one cut; damage one of them, then look."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lake = folder, noted_lake(folder)
        self.database = database_of(self.lake)

    def findings(self, *, is_final: bool = True) -> dict[str, Finding]:
        self.lake.write(self.folder / "lake")
        lake = read_lake(self.folder / "lake", self.database.batch_id or 0)
        truth = read_manifest(self.folder / "manifest.sqlite", TOPIC)
        found = findings_of(Cut(self.database, lake, truth, judge(truth, lake), is_final))
        return {finding.invariant: finding for finding in found}

    def violated(self, *, is_final: bool = True) -> set[str]:
        return {name for name, finding in self.findings(is_final=is_final).items() if not finding.holds}

    def manifest(self, statement: str) -> None:
        with sqlite3.connect(self.folder / "manifest.sqlite") as file:
            assert file.execute(statement).rowcount == 1


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("is_final", [True, False])
def test_a_right_lake_holds_them_all(bench, is_final):
    found = bench.findings(is_final=is_final)

    assert set(found) == LAYERS
    assert {name: finding.examples for name, finding in found.items() if not finding.holds} == {}
    assert found["I1"].looked_at == "600 offsets, 4 partitions"


def lose_offset(lake: SmallLake) -> None:
    """An offset in the middle, with what had become of it."""
    lost = lake.rows[SILVER_ORDERS].pop(50)
    bronze = lake.rows[BRONZE_ORDERS]
    bronze.remove(next(row for row in bronze if position(row) == position(lost)))


def repeat_offset(lake: SmallLake) -> None:
    lake.rows[BRONZE_ORDERS].append(lake.rows[BRONZE_ORDERS][7])


def lose_disposition(lake: SmallLake) -> None:
    lake.rows[SILVER_REJECTED].pop(3)


def dispose_twice(lake: SmallLake) -> None:
    order = lake.rows[SILVER_ORDERS][5]
    lake.rows[SILVER_REJECTED].append(
        {**order, "disposition": "duplicate", "reasons": [], "amount_cents": order["total_cents"]}
    )


def count_order_twice(lake: SmallLake) -> None:
    lake.rows[SILVER_ORDERS].append(lake.rows[SILVER_ORDERS][5])


def change_silver_by_a_cent(lake: SmallLake) -> None:
    lake.rows[SILVER_ORDERS][9]["total_cents"] += 1


def change_gold_by_a_cent(lake: SmallLake) -> None:
    lake.rows[GOLD_ORDER_VALUE_MINUTE][9]["revenue_cents"] += 1


def position(row: dict[str, object]) -> tuple[object, object]:
    return row["partition"], row["offset"]


@pytest.mark.parametrize(
    ("damage", "invariant"),
    [
        (lose_offset, "I1"),
        (repeat_offset, "I1"),
        (lose_offset, "I3"),
        (lose_disposition, "I4"),
        (dispose_twice, "I4"),
        (change_silver_by_a_cent, "I5"),
        (change_gold_by_a_cent, "I5"),
        (count_order_twice, "I6"),
    ],
)
def test_damage_is_a_violation(bench, damage: Damage, invariant):
    damage(bench.lake)
    assert invariant in bench.violated()


def test_a_lake_that_begins_late_is_not_complete(bench):
    """The first offsets of a partition were never read, and nobody has given them up."""
    later = bench.database.ledger.filter(pc.greater(bench.database.ledger["batch_id"], 0))
    bench.database = dataclasses.replace(bench.database, ledger=later)
    assert any("begins at offset" in text for text in bench.findings()["I1"].examples)


def test_an_acknowledged_record_must_arrive_in_the_end(bench):
    """While orders stream it may be on its way; when nothing is, it is lost."""
    bench.manifest('update events set "offset" = 100000 where seq = 17')
    assert "I3" not in bench.violated(is_final=False)
    assert "I3" in bench.violated(is_final=True)


def test_an_unknown_one_may_be_there_once(bench):
    """A record that was never acknowledged may be stored, but not counted twice."""
    order = bench.lake.rows[SILVER_ORDERS][5]
    record = next(r for r in bench.lake.rows[BRONZE_ORDERS] if position(r) == position(order))
    seq = int(record["headers"][0]["value"].decode().partition(":")[2])
    bench.manifest(f"update events set ack = 'unknown' where seq = {seq}")
    assert bench.findings()["I3"].holds

    again = {"offset": 10_000}
    bench.lake.rows[BRONZE_ORDERS].append(record | again)
    bench.lake.rows[SILVER_ORDERS].append(order | again)
    assert any("never acknowledged" in text for text in bench.findings()["I3"].examples)


@pytest.mark.parametrize("mart", ["fct_orders", "product_sales_hourly"])
def test_a_mart_that_is_off_by_one_is_money_lost(bench, mart):
    marts = dict(bench.database.marts)
    marts[mart] = off_by_one(marts[mart], "revenue_cents")
    bench.database = dataclasses.replace(bench.database, marts=marts)
    assert bench.violated() == {"I5"}


def test_a_mart_that_was_not_published_again_is_money_lost(bench):
    """When nothing is on its way, the marts hold all of silver."""
    marts = dict(bench.database.marts)
    marts["region_sales_hourly"] = marts["region_sales_hourly"].slice(1)
    bench.database = dataclasses.replace(bench.database, marts=marts)
    assert bench.violated() == {"I5"}


def test_an_order_twice_in_the_marts_is_a_violation(bench):
    bench.database = dataclasses.replace(bench.database, repeated_orders=("o-1-1",))
    assert bench.violated() == {"I6"}


def test_who_looked_at_nothing_has_shown_nothing():
    finding = judged("I9", {"looks": 12, "totals": 0}, [])
    assert (finding.holds, finding.examples) == (False, ("no totals to look at: nothing was shown",))


def test_every_problem_counts_and_the_first_are_shown():
    finding = judged("I2", {"values": 1}, (f"offset {n}" for n in range(25)))
    assert (finding.violations, len(finding.examples)) == (25, 10)
