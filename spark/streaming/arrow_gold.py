"""
`spark/transforms/gold.py` for a batch whose orders are in this process: a Spark job for a few sums costs more
than all else about them. A test holds the two against each other.
"""

import pyarrow as pa
import pyarrow.compute as pc

PRODUCT_KEY = ["minute_utc", "product_id", "region"]
NAMES = ["product_name", "category"]


def product_sales_minute(silver: pa.Table) -> pa.Table:
    """As the transform of that name. Sorted by its key."""
    lines = _lines(silver)
    sums = _sums(lines, PRODUCT_KEY, orders=("order", "count_distinct"), units=("quantity", "sum"),
                 revenue_cents=("revenue_cents", "sum"))  # fmt: skip
    names = _last_named(lines)
    for name in ("named_at", *NAMES):
        sums = sums.append_column(name, names[name])
    return _dated(sums)


def order_value_minute(silver: pa.Table) -> pa.Table:
    """As the transform of that name. Sorted by its key."""
    orders = silver.select(["region", "channel", "total_cents"]).append_column("minute_utc", _minute(silver))
    key = ["minute_utc", "region", "channel"]
    return _dated(_sums(orders, key, orders=("total_cents", "count"), revenue_cents=("total_cents", "sum")))


def _lines(silver: pa.Table) -> pa.Table:
    """A row per line of an order; `order` is the order's number in the batch."""
    nested = silver["lines"].combine_chunks()
    order, line = pc.list_parent_indices(nested), pc.list_flatten(nested)
    fields = {name: pc.struct_field(line, name) for name in ("product_id", *NAMES)}
    quantity = pc.struct_field(line, "quantity").cast(pa.int64())
    gross = pc.multiply_checked(quantity, pc.struct_field(line, "unit_price_cents"))
    return pa.table(
        {
            **fields,
            "quantity": quantity,
            "revenue_cents": pc.subtract_checked(gross, pc.struct_field(line, "discount_cents")),
            "order": order,
            "minute_utc": _minute(silver).take(order),
            "ordered_at": silver["ordered_at"].take(order),
            "region": silver["region"].take(order),
        }
    )


def _last_named(lines: pa.Table) -> pa.Table:
    """By value alone, as in live.products: the same name wins however orders were spread over batches."""
    last = lines.group_by([*PRODUCT_KEY, *NAMES]).aggregate([("ordered_at", "max")])
    ordered = _sorted(last.rename_columns({"ordered_at_max": "named_at"}), ["named_at", *NAMES])
    columns = ["named_at", *NAMES]
    # Not in threads: only then the last row of a group is the last one of the table.
    found = ordered.group_by(PRODUCT_KEY, use_threads=False).aggregate([(name, "last") for name in columns])
    return _sorted(found.rename_columns({f"{name}_last": name for name in columns}), PRODUCT_KEY)


def _sums(rows: pa.Table, key: list[str], **sums: tuple[str, str]) -> pa.Table:
    found = rows.group_by(key).aggregate(list(sums.values()))
    return _sorted(
        found.rename_columns({f"{column}_{how}": name for name, (column, how) in sums.items()}), key
    )


def _sorted(rows: pa.Table, columns: list[str]) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in columns])


def _minute(silver: pa.Table) -> pa.ChunkedArray:
    # Without its zone: of UTC there is nothing to look up in a database of zones, which may not be installed.
    plain = silver["ordered_at"].cast(pa.timestamp("us"))
    return pc.floor_temporal(plain, unit="minute").cast(silver["ordered_at"].type)


def _dated(sums: pa.Table) -> pa.Table:
    return sums.append_column("date_utc", sums["minute_utc"].cast(pa.date32()))
