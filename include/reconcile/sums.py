"""Sums by key, and where two of them differ."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# Every column that reconciliation handles; what is not text is a 64-bit integer.
TEXTS = frozenset({"region", "channel", "product_id", "mart", "order_id"})
MICROSECONDS_PER_HOUR = 3_600_000_000


def column_type(name: str) -> pa.DataType:
    return pa.string() if name in TEXTS else pa.int64()


def table_of(rows: list[tuple[Any, ...]], names: list[str]) -> pa.Table:
    """Rows as an Arrow table; the types come from the names, so that no rows are a table too."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.table(
        {name: pa.array(list(values), column_type(name)) for name, values in zip(names, columns, strict=True)}
    )


def empty(names: list[str]) -> pa.Table:
    return table_of([], names)


def hour_of(instant: pa.ChunkedArray) -> pa.ChunkedArray:
    """Start of the hour of a timestamp, in seconds since 1970."""
    micros = pc.cast(pc.cast(instant, pa.timestamp("us", "UTC")), pa.int64())
    return pc.multiply(pc.divide(micros, MICROSECONDS_PER_HOUR), 3_600)


def summed(table: pa.Table, keys: list[str], measures: list[str]) -> pa.Table:
    """The measures added up by key."""
    grouped = table.group_by(keys).aggregate([(name, "sum") for name in measures])
    named = grouped.rename_columns([name.removesuffix("_sum") for name in grouped.column_names])
    return named.select([*keys, *measures]).cast(
        pa.schema([(name, column_type(name)) for name in [*keys, *measures]])
    )


def total(table: pa.Table, measure: str) -> int:
    return int(pc.sum(table[measure]).as_py() or 0)


def differences(
    expected: pa.Table, found: pa.Table, keys: list[str], measures: list[str]
) -> list[dict[str, Any]]:
    """Keys at which a measure differs, in order; a key that is not there counts as zero."""
    ours = expected.select([*keys, *measures])
    theirs = found.select([*keys, *measures])
    joined = ours.join(theirs, keys, join_type="full outer", left_suffix="_expected", right_suffix="_found")
    wrong = pa.array([False] * joined.num_rows, pa.bool_())
    for name in measures:
        left, right = (
            pc.fill_null(joined[f"{name}_{side}"], 0).combine_chunks() for side in ("expected", "found")
        )
        wrong = pc.or_(wrong, pc.not_equal(left, right))
    return joined.filter(wrong).sort_by([(key, "ascending") for key in keys]).to_pylist()


def up_to(table: pa.Table, batch_id: int) -> pa.Table:
    return table.filter(pc.less_equal(table["batch_id"], batch_id))
