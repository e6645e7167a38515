"""What must have become of every record the simulator sent, from the manifest and Kafka's order alone."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.reconcile.lake import LakeCut
from include.reconcile.manifest import Truth, keys_in_bronze

SILVER, DUPLICATE, QUARANTINED, NOWHERE = 0, 1, 2, 3
NAMES = np.array(["silver", "duplicate", "quarantined", "nowhere"])
CONFLICT = "order_conflict"

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Expected and found for each of the simulator's records in bronze, foreign orders left out."""

    rows: pa.Table  # position, event (row in the manifest), expected, found, expected_reasons, found_reasons
    foreign_records: int
    foreign_orders: pa.Array  # order ids that foreign records speak of, too


def judge(truth: Truth, lake: LakeCut) -> Verdicts:
    event = keys_in_bronze(truth, lake.bronze)
    is_foreign = event < 0
    foreign_orders = _foreign_orders(lake, lake.bronze["position"].to_numpy()[is_foreign])
    ours = np.flatnonzero(~is_foreign)
    is_shared = pc.is_in(truth.events["order_id"].take(pa.array(event[ours])), value_set=foreign_orders)
    ours = ours[~is_shared.to_numpy()]
    position, event = lake.bronze["position"].to_numpy()[ours], event[ours]
    expected, expected_reasons = _expected(truth.events, event, position)
    found, found_reasons = _found(lake, position)
    rows = pa.table(
        {
            "position": position,
            "event": event,
            "expected": expected,
            "found": found,
            "expected_reasons": expected_reasons,
            "found_reasons": found_reasons,
        }
    )
    return Verdicts(rows, int(np.sum(is_foreign)), foreign_orders)


def _foreign_orders(lake: LakeCut, foreign_positions: Integers) -> pa.Array:
    positions = pa.array(foreign_positions, pa.int64())
    ids = [
        table["order_id"].filter(pc.is_in(table["position"], value_set=positions))
        for table in (lake.silver, lake.rejected)
    ]
    return pc.unique(pa.chunked_array([c for i in ids for c in i.chunks], pa.string()).drop_null())


def _expected(events: pa.Table, event: Integers, position: Integers) -> tuple[Integers, pa.Array]:
    """The first good record of an order is accepted, the same again a duplicate, any other a conflict."""
    reasons = events["reasons"].take(pa.array(event)).combine_chunks()
    expected = np.full(len(event), QUARANTINED)
    good = np.flatnonzero(pc.equal(reasons, "").to_numpy(zero_copy_only=False))
    order = (
        events["order_id"].take(pa.array(event[good])).combine_chunks().dictionary_encode().indices.to_numpy()
    )
    by_order = np.lexsort((position[good], order))
    starts = np.concatenate(([True], order[by_order][1:] != order[by_order][:-1]))[: len(by_order)]
    first = np.maximum.accumulate(np.where(starts, np.arange(len(by_order)), 0))
    content = events["content_hash"].to_numpy()[event[good]][by_order]
    is_same = content == content[first]
    verdict = np.where(starts, SILVER, np.where(is_same, DUPLICATE, QUARANTINED))
    expected[good[by_order]] = verdict
    conflict = np.zeros(len(event), dtype=bool)
    conflict[good[by_order]] = verdict == QUARANTINED
    return expected, pc.if_else(pa.array(conflict), CONFLICT, reasons)


def _found(lake: LakeCut, position: Integers) -> tuple[Integers, pa.Array]:
    """Where each position is in the lake, and the reasons of what is quarantined."""
    wanted = pa.array(position, pa.int64())
    in_silver = pc.is_in(wanted, value_set=lake.silver["position"].combine_chunks()).to_numpy(
        zero_copy_only=False
    )
    place = pc.index_in(wanted, value_set=lake.rejected["position"].combine_chunks())
    disposition = lake.rejected["disposition"].combine_chunks().take(place)
    is_duplicate = pc.fill_null(pc.equal(disposition, "duplicate"), False).to_numpy(zero_copy_only=False)
    is_rejected = pc.is_valid(place).to_numpy(zero_copy_only=False)
    found = np.where(is_rejected, np.where(is_duplicate, DUPLICATE, QUARANTINED), NOWHERE)
    reasons = pc.fill_null(lake.rejected["reasons"].combine_chunks().take(place), "")
    return np.where(in_silver, SILVER, found), reasons
