"""
A week of orders as the stream leaves it: a small file and a commit per batch, silver and gold. Made from a
seed, with neither Kafka nor rules in front: what is measured is the layout of the files.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lake.tables import GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS, Table

START = datetime(2026, 11, 16, tzinfo=UTC)
DAYS = 7
REGIONS, CHANNELS = ("AMER", "EMEA", "APAC", "LATAM"), ("web", "mobile", "store", "marketplace")
PRODUCTS = 500
LATE_SHARE, LATEST = 0.02, timedelta(hours=30)
EVENT_TIME = {SILVER_ORDERS: "ordered_at", GOLD_PRODUCT_SALES_MINUTE: "minute_utc"}
STATISTICS = ("batch_id", "ordered_at", "minute_utc", "order_id", "kafka_timestamp")
INSTANT = pa.timestamp("us", "UTC")


class Size(NamedTuple):
    orders: int
    batches: int
    seed: int


def silver(size: Size) -> pa.Table:
    """Orders by arrival; a few were placed long before they arrived."""
    draw = np.random.default_rng(size.seed)
    count = size.orders
    week = DAYS * 86_400_000_000
    arrived = np.sort(draw.integers(0, week, count))
    is_late = draw.random(count) < LATE_SHARE
    lag = np.where(is_late, draw.integers(0, int(LATEST.total_seconds() * 1e6), count), 1_500_000)
    start = int(START.timestamp() * 1e6)
    ordered = np.maximum(arrived - lag, 0) + start
    cents = draw.integers(500, 50_000, count)
    ordered_at = pa.array(ordered).cast(INSTANT)
    number = np.arange(count)
    return pa.table(
        {
            "order_id": pa.array([f"O-{value:016x}" for value in draw.integers(0, 2**62, count)]),
            "ordered_at": ordered_at,
            "customer_id": pa.array([f"C-{value}" for value in draw.integers(0, 50_000, count)]),
            "region": _one_of(draw, REGIONS, count),
            "channel": _one_of(draw, CHANNELS, count),
            "currency": pa.array(["USD"] * count),
            "lines": _lines(draw, count),
            "total_cents": pa.array(cents),
            "is_late": pa.array(is_late),
            "order_hash": pa.array([f"{value:032x}" for value in draw.integers(0, 2**62, count)]),
            "kafka_timestamp": pa.array(arrived + start).cast(INSTANT),
            "partition": pa.array((number % 4).astype(np.int32)),
            "offset": pa.array(number // 4),
            "batch_id": pa.array(arrived * size.batches // week),
            "date_utc": ordered_at.cast(pa.date32()),
        }
    )


def _one_of(draw: np.random.Generator, values: tuple[str, ...], count: int) -> pa.Array:
    return pa.array(values).take(pa.array(draw.integers(0, len(values), count)))


def _lines(draw: np.random.Generator, count: int) -> pa.Array:
    each = draw.integers(1, 5, count)
    ends = np.concatenate([[0], np.cumsum(each)])
    total = int(ends[-1])
    product = draw.zipf(1.3, total) % PRODUCTS
    fields = {
        "line_no": pa.array((np.arange(total) - np.repeat(ends[:-1], each) + 1).astype(np.int32)),
        "product_id": pa.array([f"P-{value:04}" for value in range(PRODUCTS)]).take(pa.array(product)),
        "quantity": pa.array(draw.integers(1, 5, total).astype(np.int32)),
        "unit_price_cents": pa.array(1_000 + product * 7),
    }
    lines = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), lines)


def gold(orders: pa.Table) -> pa.Table:
    """Sums per minute, product, region and batch, as gold has them."""
    nested = orders["lines"].combine_chunks()
    parent, lines = pc.list_parent_indices(nested), pc.list_flatten(nested)
    quantity = pc.struct_field(lines, "quantity").cast(pa.int64())
    flat = pa.table(
        {
            "minute_utc": pc.floor_temporal(orders["ordered_at"], unit="minute").take(parent),
            "product_id": pc.struct_field(lines, "product_id"),
            "region": orders["region"].take(parent),
            "batch_id": orders["batch_id"].take(parent),
            "units": quantity,
            "revenue_cents": pc.multiply(quantity, pc.struct_field(lines, "unit_price_cents")),
        }
    )
    sums = flat.group_by(["minute_utc", "product_id", "region", "batch_id"]).aggregate(
        [("units", "count"), ("units", "sum"), ("revenue_cents", "sum")]
    )
    names = {"units_count": "orders", "units_sum": "units", "revenue_cents_sum": "revenue_cents"}
    named = sums.rename_columns([names.get(name, name) for name in sums.column_names])
    dated = named.append_column("date_utc", named["minute_utc"].cast(pa.date32()))
    return dated.sort_by([("batch_id", "ascending"), ("minute_utc", "ascending")])


def statistics_of(rows: pa.Table) -> list[str]:
    """The columns whose least and greatest value per file the log has."""
    return [name for name in STATISTICS if name in rows.column_names]


def stream_into(path: Path, rows: pa.Table, table: Table, *, by_day: bool) -> None:
    """
    A commit per batch into the empty table at `path`, one file per day of it or one in all. Written by hand:
    the same files for every layout, whichever engine could have written them.
    """
    for version, batch in enumerate(_batches(rows), start=1):
        parts = _days(batch) if by_day else [(None, batch)]
        actions = [_add(path, f"{version:06}", day, part, EVENT_TIME[table]) for day, part in parts]
        info = {"commitInfo": {"timestamp": time.time_ns() // 1_000_000, "operation": "WRITE"}}
        lines = "".join(f"{json.dumps(action)}\n" for action in [info, *actions])
        (path / "_delta_log" / f"{version:020}.json").write_text(lines)


def _batches(rows: pa.Table) -> Iterator[pa.Table]:
    numbers = rows["batch_id"].to_numpy()
    borders = np.flatnonzero(np.diff(numbers)) + 1
    for first, end in zip([0, *borders], [*borders, len(numbers)], strict=True):
        yield rows.slice(first, end - first)


def _days(rows: pa.Table) -> Iterator[tuple[date, pa.Table]]:
    for day in sorted(pc.unique(rows["date_utc"]).to_pylist()):
        yield day, rows.filter(pc.equal(rows["date_utc"], day)).drop_columns(["date_utc"])


def _add(root: Path, name: str, day: date | None, rows: pa.Table, event_time: str) -> dict[str, Any]:
    folder = f"date_utc={day}/" if day else ""
    (root / folder).mkdir(exist_ok=True)
    file = f"{folder}part-{name}.zstd.parquet"
    pq.write_table(rows, root / file, compression="zstd", write_page_checksum=True)
    columns = statistics_of(rows)
    extremes = {name: pc.min_max(rows[name]).as_py() for name in columns}
    statistics = {
        "numRecords": rows.num_rows,
        "minValues": {name: _plain(found["min"], "000") for name, found in extremes.items()},
        "maxValues": {name: _plain(found["max"], "999") for name, found in extremes.items()},
        "nullCount": dict.fromkeys(columns, 0),
    }
    return {
        "add": {
            "path": file,
            "partitionValues": {"date_utc": str(day)} if day else {},
            "size": (root / file).stat().st_size,
            "modificationTime": time.time_ns() // 1_000_000,
            "dataChange": True,
            "stats": json.dumps(statistics),
        }
    }


def _plain(value: Any, milliseconds: str) -> Any:
    """As the log has it. The second of a time is widened to its ends: never narrower than the file."""
    return value.strftime(f"%Y-%m-%dT%H:%M:%S.{milliseconds}Z") if isinstance(value, datetime) else value
