"""I1, I3, I4, I5 and I6: the layers against each other and against the manifest, at one cut."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import StackError
from include.reconcile.checks import (
    Check,
    layer_checks,
    lost_and_waiting,
    manifest_check,
    order_sums,
    sums_check,
    without_accepted,
)
from include.reconcile.database import DatabaseCut, read_database
from include.reconcile.lake import (
    ORDER_MEASURES,
    PRODUCT_KEYS,
    PRODUCT_MEASURES,
    LakeCut,
    describe,
    read_lake,
)
from include.reconcile.manifest import Truth, read_manifest
from include.reconcile.marts import KEYS, mart_checks
from include.reconcile.offsets import without_record
from include.reconcile.oracle import SILVER, Verdicts, judge
from include.reconcile.run import ends_of
from include.reconcile.structure import Empty, bronze_check, disposition_checks, nothing_known
from include.reconcile.sums import summed
from include.sales_db import connect
from include.settings import Settings
from stack.invariants.finding import Finding, judged


@dataclass(frozen=True, slots=True)
class Cut:
    """All at the last closed batch. `is_final`: no order is on its way, and every hour is published."""

    database: DatabaseCut
    lake: LakeCut
    truth: Truth
    verdicts: Verdicts
    is_final: bool
    empty: Empty = nothing_known


def read_cut(settings: Settings, *, is_final: bool) -> Cut:
    """
    Raises:
        StackError: no batch was closed yet.
    """
    with closing(connect(settings.postgres, application_name="saleslake invariants")) as connection:
        database = read_database(connection)
    if database.batch_id is None:
        raise StackError(
            "Checking the invariants: the ledger has no closed batch, so there is nothing to look at. Send"
            " orders (`saleslake simulate`), and see `saleslake status` whether the lake writer runs."
        )
    # After the snapshot: all that the ledger speaks of is in the Delta tables by now.
    lake = read_lake(settings.lake.root, database.batch_id)
    truth = read_manifest(settings.manifest, settings.kafka.orders_topic)
    empty = partial(without_record, settings.kafka)
    return Cut(database, lake, truth, judge(truth, lake), is_final, empty)


def findings_of(cut: Cut) -> list[Finding]:
    return [
        offsets_complete(cut),
        acknowledged_is_in_bronze(cut),
        one_disposition(cut),
        money_to_the_cent(cut),
        orders_unique(cut),
    ]


def offsets_complete(cut: Cut) -> Finding:
    partitions = pc.count_distinct(cut.lake.bronze["partition"]).as_py()
    begins = {p: start for p, start in _begins(cut).items() if start != 0}
    return judged(
        "I1",
        {"offsets": cut.lake.bronze.num_rows, "partitions": partitions},
        (f"partition {p}: the lake begins at offset {start}" for p, start in begins.items()),
        [bronze_check(cut.lake, cut.database, cut.empty)],
    )


def _begins(cut: Cut) -> dict[int, int]:
    """The first offset of each partition that was read or given up."""
    begins: dict[int, int] = {}
    for table in (cut.database.ledger, cut.database.losses):
        for row in table.select(["partition", "start_offset"]).to_pylist():
            begins[row["partition"]] = min(row["start_offset"], begins.get(row["partition"], 2**63))
    return begins


def acknowledged_is_in_bronze(cut: Cut) -> Finding:
    missing, waiting = lost_and_waiting(cut.truth, cut.lake, ends_of(cut.database))
    lost, _ = without_accepted(missing, cut.database.losses)
    acks = cut.truth.events["ack"]
    return judged(
        "I3",
        {"acknowledged": pc.sum(pc.equal(acks, "ok")).as_py() or 0},
        [
            *(f"acknowledged record at {describe(p)} is not in bronze.orders" for p in lost),
            *([f"{waiting:,} acknowledged records are in Kafka only"] if cut.is_final and waiting else []),
            *_unknown_more_than_once(cut),
        ],
    )


def _unknown_more_than_once(cut: Cut) -> Iterator[str]:
    """What the broker never answered for may be in silver, but not twice."""
    rows = cut.verdicts.rows
    in_silver = rows.filter(pc.equal(rows["found"], SILVER))["event"]
    is_unknown = pc.equal(cut.truth.events["ack"].take(in_silver), "unknown")
    for counted in pc.value_counts(in_silver.filter(is_unknown)).to_pylist():
        if counted["counts"] > 1:
            order_id = cut.truth.events["order_id"][counted["values"]].as_py()
            yield f"order {order_id}, never acknowledged, is {counted['counts']} times in silver.orders"


def one_disposition(cut: Cut) -> Finding:
    counts = {"in silver": cut.lake.silver.num_rows, "rejected": cut.lake.rejected.num_rows}
    return judged("I4", counts, [], disposition_checks(cut.lake, cut.database))


def money_to_the_cent(cut: Cut) -> Finding:
    """Manifest, silver, gold, live, ledger and marts, by region and hour."""
    manifest = manifest_check(cut.truth, cut.verdicts, cut.lake, ends_of(cut.database), cut.database.losses)
    marts = _final_marts(cut) if cut.is_final else mart_checks(cut.lake, cut.database, require=False)
    checks = [manifest, *layer_checks(cut.lake, cut.database), *marts]
    hours = pc.count_distinct(cut.lake.silver["hour_utc"]).as_py()
    return judged(
        "I5",
        {"layers": len(checks), "hours": hours, "cents": pc.sum(cut.lake.silver["total_cents"]).as_py() or 0},
        [],
        checks,
    )


def _final_marts(cut: Cut) -> Iterator[Check]:
    """When nothing is on its way, the marts hold all of silver, whatever batch they were published at."""
    orders = order_sums(cut.lake.silver)
    goods = summed(cut.lake.goods, PRODUCT_KEYS, PRODUCT_MEASURES)
    for mart, keys in KEYS.items():
        is_product = "product_id" in keys
        measures = PRODUCT_MEASURES if is_product else ORDER_MEASURES
        expected = summed(goods if is_product else orders, keys, measures)
        yield sums_check(f"marts.{mart}", expected, cut.database.marts[mart], keys, measures)


def orders_unique(cut: Cut) -> Finding:
    problems = [
        *_repeated(cut.lake.silver["order_id"]),
        *(
            f"order {order_id} is there twice in marts.fct_orders"
            for order_id in cut.database.repeated_orders
        ),
    ]
    return judged("I6", {"orders": cut.lake.silver.num_rows}, problems)


def _repeated(order_ids: pa.ChunkedArray) -> Iterable[str]:
    counts = pc.value_counts(order_ids)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    return (
        f"order {row['values']} is {row['counts']} times in silver.orders" for row in repeated.to_pylist()
    )
