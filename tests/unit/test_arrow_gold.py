"""Gold's sums of a batch in Arrow are those that Spark makes for a rebuild."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from lake.schemas.orders import COLUMNS
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS
from spark.streaming import arrow_gold
from spark.streaming.batch_records import arrow_schema
from spark.transforms import gold

pytestmark = pytest.mark.spark

NEEDED = ["ordered_at", "region", "channel", "lines", "total_cents"]
SCHEMA = pa.schema([arrow_schema(SILVER_ORDERS).field(name) for name in NEEDED])
BEFORE_MIDNIGHT = datetime(2026, 11, 22, 23, 58, tzinfo=UTC)
# Of one product: which one stays is decided by time, then by letters, capitals and accents among them.
NAMES = ["Kettle", "kettle", "Käte", "Ket", ""]


def orders(count: int, seed: int) -> pa.Table:
    """Few products, minutes and names, so that everything meets everything, at equal times too."""
    draw = random.Random(seed)  # noqa: S311

    def line(number: int) -> dict[str, object]:
        return {
            "line_no": number,
            "product_id": f"P-{draw.randrange(3)}",
            "product_name": draw.choice(NAMES),
            "category": draw.choice(NAMES),
            "quantity": draw.randint(1, 10_000),
            "unit_price_cents": draw.randint(0, 100_000_000),
            "discount_cents": draw.randint(0, 1_000),
        }

    rows = [
        {
            "ordered_at": BEFORE_MIDNIGHT + timedelta(seconds=draw.choice([0, 59.999999, 60, 119.5, 120])),
            "region": draw.choice(["AMER", "EMEA"]),
            "channel": draw.choice(["web", "store"]),
            "lines": [line(number) for number in range(draw.randint(1, 5))],
            "total_cents": draw.randint(0, 10**15),
        }
        for _ in range(count)
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def in_order(rows: pa.Table) -> list[dict[str, object]]:
    return sorted(rows.to_pylist(), key=lambda row: [str(row[name]) for name in sorted(row)])


@pytest.mark.parametrize(
    ("in_arrow", "in_spark", "table"),
    [
        (arrow_gold.product_sales_minute, gold.product_sales_minute, GOLD_PRODUCT_SALES_MINUTE),
        (arrow_gold.order_value_minute, gold.order_value_minute, GOLD_ORDER_VALUE_MINUTE),
    ],
)
@pytest.mark.parametrize("count", [0, 1, 300])
def test_both_make_the_same_sums(
    spark: SparkSession,
    in_arrow: Callable[[pa.Table], pa.Table],
    in_spark: Callable[[DataFrame], DataFrame],
    table,
    count: int,
):
    """Row for row, in the columns that the table declares."""
    rows = orders(count, seed=count)
    ours, theirs = in_arrow(rows), in_spark(spark.createDataFrame(rows)).toArrow()
    declared = set(COLUMNS[table].names) - {"batch_id"}
    assert declared <= set(ours.column_names)
    assert in_order(ours) == in_order(theirs.select(ours.column_names))
    assert count == 0 or ours.num_rows > 0
