"""What the Delta tables say up to one batch, read without Spark and without payloads."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from numpy.typing import NDArray

from include.reconcile.sums import empty, hour_of, summed
from lake.reading import delta_table, record_batches
from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
    Table,
)

HEADER = "saleslake-event"
EVENT = "^[0-9a-z]{1,64}:[0-9]{1,18}$"  # run id and sequence number
ORDER_KEYS = ["hour_utc", "region", "channel"]
PRODUCT_KEYS = ["hour_utc", "region", "product_id"]
ORDER_MEASURES = ["orders", "revenue_cents"]
PRODUCT_MEASURES = ["orders", "units", "revenue_cents"]

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LakeCut:
    """The tables as columns; `position` is partition and offset as one number."""

    bronze: pa.Table  # position, partition, offset, batch_id, run_id, seq (both null for a foreign record)
    silver: pa.Table  # position, batch_id, order_id, hour_utc, region, channel, total_cents
    goods: pa.Table  # sums of silver's lines by PRODUCT_KEYS and batch_id
    rejected: pa.Table  # position, disposition, reasons (sorted, comma-separated), order_id, amount_cents
    gold_orders: pa.Table
    gold_products: pa.Table
    missing: tuple[str, ...]  # tables that do not exist


def position_of(partition: int, offset: int) -> int:
    return (partition << 48) + offset


def describe(position: int) -> str:
    return f"partition {position >> 48} offset {position & ((1 << 48) - 1)}"


def positions(table: pa.Table) -> pa.Array:
    partition, offset = (table[name].to_numpy().astype(np.int64) for name in ("partition", "offset"))
    return pa.array((partition << 48) + offset)


def read_lake(root: Path, batch_id: int) -> LakeCut:
    """Read every table's rows of batches up to `batch_id`."""
    return LakeCut(
        bronze=_bronze(root, batch_id),
        silver=_silver(root, batch_id),
        goods=_goods(root, batch_id),
        rejected=_rejected(root, batch_id),
        gold_orders=_gold(root, GOLD_ORDER_VALUE_MINUTE, batch_id, ORDER_KEYS, ORDER_MEASURES),
        gold_products=_gold(root, GOLD_PRODUCT_SALES_MINUTE, batch_id, PRODUCT_KEYS, PRODUCT_MEASURES),
        missing=tuple(
            t.full_name
            for t in (BRONZE_ORDERS, SILVER_ORDERS, SILVER_REJECTED, GOLD_ORDER_VALUE_MINUTE,
                      GOLD_PRODUCT_SALES_MINUTE)
            if not exists(root, t)
        ),
    )  # fmt: skip


def exists(root: Path, table: Table) -> bool:
    return DeltaTable.is_deltatable(str(table.path(root)))


def _batches(root: Path, table: Table, batch_id: int, columns: list[str]) -> Iterator[pa.Table]:
    """The columns asked for, in pieces that fit into memory; none when the table does not exist."""
    if not exists(root, table):
        return
    dataset = delta_table(table, root).to_pyarrow_dataset()
    for batch in record_batches(dataset, columns, pc.field("batch_id") <= batch_id):
        yield pa.Table.from_batches([batch])


def _concat(pieces: Iterator[pa.Table], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables(
        [schema.empty_table(), *(piece.cast(schema) for piece in pieces)]
    ).combine_chunks()


def _ints(*names: str) -> list[tuple[str, pa.DataType]]:
    return [(name, pa.int64()) for name in names]


def _bronze(root: Path, batch_id: int) -> pa.Table:
    schema = pa.schema(
        [*_ints("position", "partition", "offset", "batch_id"), ("run_id", pa.string()), *_ints("seq")]
    )
    read = _batches(root, BRONZE_ORDERS, batch_id, ["partition", "offset", "batch_id", "headers"])
    return _concat((_with_event(piece) for piece in read), schema)


def _with_event(records: pa.Table) -> pa.Table:
    """The simulator's run and sequence number of each record, from its header."""
    headers = records["headers"].combine_chunks()
    parent, flat = pc.list_parent_indices(headers), pc.list_flatten(headers)
    values = pc.struct_field(flat, "value")
    is_named = pc.equal(pc.struct_field(flat, "key"), HEADER)
    is_ours = pc.fill_null(pc.and_(is_named, pc.match_substring_regex(values, EVENT)), False)
    texts = pc.cast(values.filter(is_ours), pa.string())
    # A record may carry the header twice; the first one counts.
    owners, first = np.unique(parent.filter(is_ours).to_numpy().astype(np.int64), return_index=True)
    parts = pc.split_pattern(texts.take(pa.array(first)), ":")
    run_id = np.full(records.num_rows, None, dtype=object)
    seq = np.full(records.num_rows, None, dtype=object)
    run_id[owners] = pc.list_element(parts, 0).to_pylist()
    seq[owners] = pc.cast(pc.list_element(parts, 1), pa.int64()).to_pylist()
    return pa.table(
        {
            "position": positions(records),
            "partition": records["partition"],
            "offset": records["offset"],
            "batch_id": records["batch_id"],
            "run_id": pa.array(run_id, pa.string()),
            "seq": pa.array(seq, pa.int64()),
        }
    )


def _silver(root: Path, batch_id: int) -> pa.Table:
    texts = [(name, pa.string()) for name in ("order_id", "region", "channel")]
    schema = pa.schema([*_ints("position", "batch_id", "hour_utc", "total_cents"), *texts])
    columns = [
        "partition",
        "offset",
        "batch_id",
        "ordered_at",
        "order_id",
        "region",
        "channel",
        "total_cents",
    ]
    read = _batches(root, SILVER_ORDERS, batch_id, columns)
    return _concat((_positioned(p).select(schema.names) for p in read), schema)


def _positioned(orders: pa.Table) -> pa.Table:
    return orders.append_column("position", positions(orders)).append_column(
        "hour_utc", hour_of(orders["ordered_at"])
    )


def _goods(root: Path, batch_id: int) -> pa.Table:
    keys = [*PRODUCT_KEYS, "batch_id"]
    read = _batches(root, SILVER_ORDERS, batch_id, ["batch_id", "ordered_at", "region", "lines"])
    pieces = [_goods_of(piece) for piece in read]
    return summed(pa.concat_tables([empty([*keys, *PRODUCT_MEASURES]), *pieces]), keys, PRODUCT_MEASURES)


def _goods_of(orders: pa.Table) -> pa.Table:
    """Sums of the lines of some orders. An order with the same product on two lines counts once."""
    nested = orders["lines"].combine_chunks()
    parent, lines = pc.list_parent_indices(nested), pc.list_flatten(nested)
    quantity, price, discount = (
        pc.cast(pc.struct_field(lines, name), pa.int64())
        for name in ("quantity", "unit_price_cents", "discount_cents")
    )
    sold = pa.table(
        {
            "order": pc.cast(parent, pa.int64()),
            "product_id": pc.struct_field(lines, "product_id"),
            "units": quantity,
            "revenue_cents": pc.subtract(pc.multiply(quantity, price), discount),
        }
    )
    by_order = summed(sold, ["order", "product_id"], ["units", "revenue_cents"])
    order = by_order["order"]
    full = pa.table(
        {
            "hour_utc": hour_of(orders["ordered_at"]).take(order),
            "region": orders["region"].take(order),
            "product_id": by_order["product_id"],
            "batch_id": orders["batch_id"].take(order),
            "orders": pa.array(np.ones(by_order.num_rows, dtype=np.int64)),
            "units": by_order["units"],
            "revenue_cents": by_order["revenue_cents"],
        }
    )
    return summed(full, [*PRODUCT_KEYS, "batch_id"], PRODUCT_MEASURES)


def _rejected(root: Path, batch_id: int) -> pa.Table:
    texts = [(name, pa.string()) for name in ("disposition", "reasons", "order_id")]
    schema = pa.schema([*_ints("position", "amount_cents"), *texts])
    columns = ["partition", "offset", "disposition", "reasons", "order_id", "amount_cents"]
    read = _batches(root, SILVER_REJECTED, batch_id, columns)
    return _concat((_with_reason_text(p).select(schema.names) for p in read), schema)


def _with_reason_text(rejected: pa.Table) -> pa.Table:
    reasons = [",".join(sorted(reasons or ())) for reasons in rejected["reasons"].to_pylist()]
    return (
        rejected.drop_columns(["reasons"])
        .append_column("reasons", pa.array(reasons, pa.string()))
        .append_column("position", positions(rejected))
    )


def _gold(root: Path, table: Table, batch_id: int, keys: list[str], measures: list[str]) -> pa.Table:
    raw = ["minute_utc", *(key for key in keys if key != "hour_utc"), *measures]
    read = _batches(root, table, batch_id, raw)
    pieces = [p.append_column("hour_utc", hour_of(p["minute_utc"])).select([*keys, *measures]) for p in read]
    known = empty([*keys, *measures])
    return summed(pa.concat_tables([known, *(p.cast(known.schema) for p in pieces)]), keys, measures)
