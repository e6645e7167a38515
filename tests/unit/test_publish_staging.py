"""From silver's nested orders to one row per line."""

from datetime import UTC, datetime

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from include.publish.staging import (
    LINE_COLUMNS,
    LINE_ORDER_COLUMNS,
    ORDER_COLUMNS,
    ORDER_VALUE_MINUTE_COLUMNS,
    PRODUCT_MINUTE_COLUMNS,
    lines_of,
)
from lake.schemas.orders import COLUMNS, ORDER_LINE
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS
from tests.lake_double import line, silver_order

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def orders(*numbers_of_lines: int) -> pa.RecordBatch:
    schema = to_arrow_schema(COLUMNS[SILVER_ORDERS], timezone="UTC", prefers_large_types=False)
    made = [
        silver_order(f"O-{n}", NOON, lines=[line(line_no=i + 1) for i in range(count)], offset=n, batch_id=0)
        for n, count in enumerate(numbers_of_lines)
    ]
    return pa.RecordBatch.from_pylist(made, schema=schema)


def test_each_line_carries_its_order() -> None:
    """Orders of different length do not mix."""
    flat = lines_of(orders(1, 3, 2))
    assert list(zip(flat["order_id"].to_pylist(), flat["line_no"].to_pylist(), strict=True)) == [
        ("O-0", 1), ("O-1", 1), ("O-1", 2), ("O-1", 3), ("O-2", 1), ("O-2", 2),
    ]  # fmt: skip


def test_a_slice_of_a_batch_is_flattened_alone() -> None:
    """Arrow hands out slices that share memory with rows that were filtered away."""
    flat = lines_of(orders(1, 3, 2).slice(1, 1))
    assert flat["order_id"].to_pylist() == ["O-1"] * 3


def test_the_columns_read_are_columns_of_the_lake() -> None:
    """The names here are those the lake declares."""
    silver = set(COLUMNS[SILVER_ORDERS].names)
    assert {*ORDER_COLUMNS.values(), *LINE_ORDER_COLUMNS} <= silver
    assert list(LINE_COLUMNS) == ORDER_LINE.names
    assert set(PRODUCT_MINUTE_COLUMNS) <= set(COLUMNS[GOLD_PRODUCT_SALES_MINUTE].names)
    assert set(ORDER_VALUE_MINUTE_COLUMNS) <= set(COLUMNS[GOLD_ORDER_VALUE_MINUTE].names)
