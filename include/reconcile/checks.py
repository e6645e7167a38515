"""The comparisons, one per layer, each with its first differences."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.reconcile.database import DatabaseCut
from include.reconcile.lake import (
    ORDER_KEYS,
    ORDER_MEASURES,
    PRODUCT_KEYS,
    PRODUCT_MEASURES,
    LakeCut,
    describe,
    position_of,
)
from include.reconcile.manifest import Truth
from include.reconcile.oracle import NAMES, SILVER, Verdicts
from include.reconcile.sums import differences, empty, summed, total

SHOWN = 10
Result = Literal["PASS", "FAIL", "-"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `problems` says where and what, the first ones; `failures` counts all."""

    layer: str
    rows: int
    orders: int | None = None
    cents: int | None = None
    problems: tuple[str, ...] = ()
    failures: int = 0
    note: str = ""
    compared: bool = True

    @property
    def result(self) -> Result:
        if self.failures:
            return "FAIL"
        return "PASS" if self.compared else "-"


@dataclass(slots=True)
class Problems:
    """Counts every problem and keeps the first ones."""

    shown: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.count += 1
            if len(self.shown) < SHOWN:
                self.shown.append(text)

    def as_fields(self) -> dict[str, Any]:
        return {"problems": tuple(self.shown), "failures": self.count}

    def as_check(self, layer: str) -> Check:
        return Check(layer, 0, **self.as_fields())


def hour_text(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:00}"


def _difference_text(row: dict[str, Any], keys: list[str], measures: list[str]) -> str:
    where = ", ".join(hour_text(row[k]) if k == "hour_utc" else f"{k} {row[k]}" for k in keys)
    wrong = (
        f"{m} {row[f'{m}_found'] or 0:,} instead of {row[f'{m}_expected'] or 0:,}"
        for m in measures
        if (row[f"{m}_found"] or 0) != (row[f"{m}_expected"] or 0)
    )
    return f"{where}: {', '.join(wrong)}"


def sums_check(
    layer: str, expected: pa.Table, found: pa.Table, keys: list[str], measures: list[str], note: str = ""
) -> Check:
    """Do the sums of a layer equal the expected ones, key by key?"""
    problems = Problems()
    problems.add(
        _difference_text(row, keys, measures) for row in differences(expected, found, keys, measures)
    )
    # Orders by product are not additive: an order with three products would count three times.
    orders = None if "product_id" in keys else total(found, "orders")
    return Check(
        layer, found.num_rows, orders, total(found, "revenue_cents"), note=note, **problems.as_fields()
    )


def order_sums(silver: pa.Table, *more_keys: str) -> pa.Table:
    one = pa.array(np.ones(silver.num_rows, dtype=np.int64))
    orders = silver.append_column("orders", one).append_column("revenue_cents", silver["total_cents"])
    return summed(orders, [*ORDER_KEYS, *more_keys], ORDER_MEASURES)


def manifest_check(
    truth: Truth, verdicts: Verdicts, lake: LakeCut, ends: dict[int, int], losses: pa.Table
) -> Check:
    """Is every acknowledged event there, and did each become what it must? Accepted losses are a note."""
    problems = Problems()
    missing, waiting = lost_and_waiting(truth, lake, ends)
    lost, accepted_as_lost = without_accepted(missing, losses)
    problems.add(f"acknowledged record at {describe(p)} is not in bronze.orders" for p in lost)
    problems.add(_wrong_verdicts(truth, verdicts))
    accepted = _expected_orders(truth, verdicts)
    problems.add(_other_amounts(accepted, lake))
    ours = _without_foreign(lake.silver, verdicts, lake)
    by_hour = differences(_as_sums(accepted), order_sums(ours), ORDER_KEYS, ORDER_MEASURES)
    problems.add(f"silver.orders {_difference_text(row, ORDER_KEYS, ORDER_MEASURES)}" for row in by_hour)
    notes = [f"{waiting:,} acknowledged but not in the lake yet"] if waiting else []
    notes += [f"{accepted_as_lost:,} in ops.accepted_losses"] if accepted_as_lost else []
    return Check(
        "truth manifest", truth.events.num_rows, accepted.num_rows, total(accepted, "total_cents"),
        note="; ".join(notes), compared=verdicts.rows.num_rows > 0, **problems.as_fields(),
    )  # fmt: skip


def lost_and_waiting(truth: Truth, lake: LakeCut, ends: dict[int, int]) -> tuple[list[int], int]:
    """Positions of acknowledged records that bronze lacks, and how many records are not due there yet."""
    acknowledged = truth.events.filter(pc.equal(truth.events["ack"], "ok"))
    partition, offset = acknowledged["partition"].to_numpy(), acknowledged["offset"].to_numpy()
    end = np.array([ends.get(p, 0) for p in range(max([*ends, *partition.tolist()], default=0) + 1)])
    is_due = offset < end[partition] if len(partition) else np.zeros(0, dtype=bool)
    runs = truth.runs.take(pa.array(acknowledged["run_number"].to_numpy()))
    sent = pa.table(
        {"position": (partition << 48) + offset, "run_id": runs, "seq": acknowledged["seq"]}
    ).filter(pa.array(is_due))
    place = pc.index_in(sent["position"], value_set=lake.bronze["position"].combine_chunks())
    there = lake.bronze.take(place.combine_chunks())
    is_same = pc.and_(pc.equal(there["run_id"], sent["run_id"]), pc.equal(there["seq"], sent["seq"]))
    lost = sent["position"].filter(pc.invert(pc.fill_null(is_same, False)))
    return lost.to_pylist(), int(np.sum(~is_due))


def without_accepted(missing: list[int], losses: pa.Table) -> tuple[list[int], int]:
    """The positions that nobody has given up, and how many somebody has."""
    ranges = [
        (position_of(row["partition"], row["start_offset"]), position_of(row["partition"], row["end_offset"]))
        for row in losses.to_pylist()
    ]
    lost = [p for p in missing if not any(start <= p < end for start, end in ranges)]
    return lost, len(missing) - len(lost)


def _wrong_verdicts(truth: Truth, verdicts: Verdicts) -> Iterable[str]:
    rows = verdicts.rows
    is_other = pc.or_(
        pc.not_equal(rows["expected"], rows["found"]),
        pc.not_equal(rows["expected_reasons"], rows["found_reasons"]),
    )
    for row in rows.filter(is_other).to_pylist():
        order_id = truth.events["order_id"][row["event"]].as_py()
        found = f"{NAMES[row['found']]} {row['found_reasons']}".strip()
        expected = f"{NAMES[row['expected']]} {row['expected_reasons']}".strip()
        yield f"{describe(row['position'])}, order {order_id}: {found} instead of {expected}"


def _expected_orders(truth: Truth, verdicts: Verdicts) -> pa.Table:
    rows = verdicts.rows.filter(pc.equal(verdicts.rows["expected"], SILVER))
    columns = ["order_id", "hour_utc", "region", "channel", "total_cents"]
    return truth.events.select(columns).take(rows["event"]).append_column("position", rows["position"])


def _as_sums(orders: pa.Table) -> pa.Table:
    return order_sums(orders) if orders.num_rows else empty([*ORDER_KEYS, *ORDER_MEASURES])


def _other_amounts(accepted: pa.Table, lake: LakeCut) -> Iterable[str]:
    """Orders that silver has with another total, hour, region or channel than was sent."""
    place = pc.index_in(accepted["position"], value_set=lake.silver["position"].combine_chunks())
    found = lake.silver.take(place.combine_chunks())
    for name in ("order_id", "total_cents", "hour_utc", "region", "channel"):
        is_other = pc.fill_null(pc.not_equal(accepted[name], found[name]), False)
        for sent, kept in zip(
            accepted.filter(is_other).to_pylist(), found.filter(is_other).to_pylist(), strict=True
        ):
            yield f"order {sent['order_id']}: {name} {kept[name]} in silver.orders instead of {sent[name]}"


def _without_foreign(silver: pa.Table, verdicts: Verdicts, lake: LakeCut) -> pa.Table:
    is_foreign = pc.is_in(silver["order_id"], value_set=verdicts.foreign_orders)
    return silver.filter(pc.invert(is_foreign))


def layer_checks(lake: LakeCut, database: DatabaseCut) -> list[Check]:
    """Silver against gold and live, by hour, region and channel or product."""
    orders = order_sums(lake.silver)
    goods = summed(lake.goods, PRODUCT_KEYS, PRODUCT_MEASURES)
    by_hour = summed(orders, ["hour_utc"], ORDER_MEASURES)
    found = database.sums
    return [
        sums_check("gold.order_value_minute", orders, lake.gold_orders, ORDER_KEYS, ORDER_MEASURES),
        sums_check("gold.product_sales_minute", goods, lake.gold_products, PRODUCT_KEYS, PRODUCT_MEASURES),
        sums_check(
            "live.order_value_minute", orders, found["live.order_value_minute"], ORDER_KEYS, ORDER_MEASURES
        ),
        sums_check(
            "live.product_sales_minute",
            goods,
            found["live.product_sales_minute"],
            PRODUCT_KEYS,
            PRODUCT_MEASURES,
        ),
        sums_check("ops.hour_ledger", by_hour, found["ops.hour_ledger"], ["hour_utc"], ORDER_MEASURES),
    ]
