"""Offsets, dispositions and the ledger: is each record in the lake once, and in one place?"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.reconcile.checks import Check, Problems
from include.reconcile.database import DatabaseCut
from include.reconcile.lake import LakeCut, describe
from include.reconcile.sums import differences, summed, total

LEDGER_KEYS = ["batch_id", "partition"]


# Of the offsets of a partition, ascending, those at which the topic has no record.
Empty = Callable[[int, Sequence[int]], set[int]]


def nothing_known(partition: int, offsets: Sequence[int]) -> set[int]:
    return set()


def bronze_check(lake: LakeCut, database: DatabaseCut, empty: Empty = nothing_known) -> Check:
    """
    Has bronze each offset of the ledger's ranges once, in the batch that read it?

    Args:
        empty: asked about offsets that bronze does not have. A transaction leaves some.
    """
    problems = Problems()
    problems.add(_repeated("bronze.orders", lake.bronze["position"]))
    for partition in sorted(
        set(lake.bronze["partition"].to_pylist()) | set(database.ledger["partition"].to_pylist())
    ):
        problems.add(_gaps(lake, database, partition, empty))
    records = lake.bronze.append_column("read_rows", pa.array(np.ones(lake.bronze.num_rows, dtype=np.int64)))
    wrong = differences(
        database.ledger, summed(records, LEDGER_KEYS, ["read_rows"]), LEDGER_KEYS, ["read_rows"]
    )
    problems.add(
        f"batch {r['batch_id']} partition {r['partition']}: {r['read_rows_found'] or 0:,} rows,"
        f" the ledger says {r['read_rows_expected'] or 0:,}"
        for r in wrong
    )
    return Check("bronze.orders", lake.bronze.num_rows, **problems.as_fields())


def _repeated(table: str, position: pa.ChunkedArray) -> Iterable[str]:
    values, counts = np.unique(position.to_numpy(), return_counts=True)
    for value, count in zip(values[counts > 1].tolist(), counts[counts > 1].tolist(), strict=True):
        yield f"{describe(value)} is {count} times in {table}"


def _gaps(lake: LakeCut, database: DatabaseCut, partition: int, empty: Empty) -> Iterable[str]:
    read, lost = (_ranges(table, partition) for table in (database.ledger, database.losses))
    every = sorted([*read, *lost])
    for (_, end), (start, _) in pairwise(every):
        if start != end:
            yield f"ledger, partition {partition}: a batch ends at offset {end}, the next begins at {start}"
    here = lake.bronze.filter(pc.equal(lake.bronze["partition"], partition))
    offsets = np.unique(here["offset"].to_numpy())
    wanted = np.concatenate([np.zeros(0, dtype=np.int64), *(np.arange(*range_) for range_ in read)])
    missing = np.setdiff1d(wanted, offsets).tolist()
    holes = empty(partition, missing) if missing else set()
    for offset in (offset for offset in missing if offset not in holes):
        yield f"partition {partition} offset {offset} is in the ledger, but not in bronze.orders"
    for offset in np.setdiff1d(offsets, wanted).tolist():
        yield f"partition {partition} offset {offset} is in bronze.orders, but not in the ledger"


def _ranges(table: pa.Table, partition: int) -> list[tuple[int, int]]:
    rows = table.filter(pc.equal(table["partition"], partition))
    return list(zip(rows["start_offset"].to_pylist(), rows["end_offset"].to_pylist(), strict=True))


def disposition_checks(lake: LakeCut, database: DatabaseCut) -> list[Check]:
    """Is every record of bronze in silver.orders or in silver.rejected, and in one of them only?"""
    return [_silver_check(lake, database), *_rejected_checks(lake, database)]


def _silver_check(lake: LakeCut, database: DatabaseCut) -> Check:
    problems = Problems()
    positions = pa.chunked_array(
        [*lake.silver["position"].chunks, *lake.rejected["position"].chunks], pa.int64()
    )
    problems.add(_repeated("silver.orders and silver.rejected together", positions))
    bronze, judged = lake.bronze["position"].to_numpy(), positions.to_numpy()
    problems.add(f"{describe(p)} is in bronze.orders only" for p in np.setdiff1d(bronze, judged).tolist())
    problems.add(f"{describe(p)} is not in bronze.orders" for p in np.setdiff1d(judged, bronze).tolist())
    counts = pc.value_counts(lake.silver["order_id"])
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    problems.add(f"order {r['values']} is {r['counts']} times in silver.orders" for r in repeated.to_pylist())
    cents = total(lake.silver, "total_cents")
    ledger = total(database.ledger, "silver_rows"), database.ledger_cents[0]
    problems.add(_against_ledger(lake.silver.num_rows, cents, *ledger))
    return Check("silver.orders", lake.silver.num_rows, lake.silver.num_rows, cents, **problems.as_fields())


def _rejected_checks(lake: LakeCut, database: DatabaseCut) -> Iterable[Check]:
    for disposition, ledger_cents in zip(
        ("duplicate", "quarantined"), database.ledger_cents[1:], strict=True
    ):
        problems = Problems()
        rows = lake.rejected.filter(pc.equal(lake.rejected["disposition"], disposition))
        # What broken records claim may exceed 64 bits in sum.
        cents = sum(amount for amount in rows["amount_cents"].to_pylist() if amount is not None)
        problems.add(
            _against_ledger(rows.num_rows, cents, total(database.ledger, f"{disposition}_rows"), ledger_cents)
        )
        is_odd = (
            pc.equal(rows["reasons"], "")
            if disposition == "quarantined"
            else pc.not_equal(rows["reasons"], "")
        )
        problems.add(
            f"{describe(row['position'])}: {disposition} with reasons '{row['reasons']}'"
            for row in rows.filter(is_odd).to_pylist()
        )
        yield Check(f"silver.rejected {disposition}", rows.num_rows, None, cents, **problems.as_fields())


def _against_ledger(rows: int, cents: int, ledger_rows: int, ledger_cents: int) -> Iterable[str]:
    if rows != ledger_rows:
        yield f"{rows:,} rows, the ledger says {ledger_rows:,}"
    if cents != ledger_cents:
        yield f"{cents:,} cents, the ledger says {ledger_cents:,}"
