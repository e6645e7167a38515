"""Every Delta table of the lake, declared once. No pyspark here, so DAGs may import it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Table:
    """One Delta table. `grain` completes "one row per ..."; `partition_by` is its partition column."""

    layer: Literal["bronze", "silver", "gold"]
    name: str
    grain: str
    key: tuple[str, ...]
    partition_by: str = "date_utc"

    @property
    def full_name(self) -> str:
        return f"{self.layer}.{self.name}"

    def path(self, root: Path) -> Path:
        return root / self.layer / self.name


BRONZE_ORDERS = Table("bronze", "orders", "Kafka record", key=("topic", "partition", "offset"))
SILVER_ORDERS = Table("silver", "orders", "accepted order", key=("order_id",))
SILVER_REJECTED = Table("silver", "rejected", "rejected Kafka record", key=("topic", "partition", "offset"))
# Gold holds additive partial sums: one row per key and batch. Readers sum over the key without batch_id.
GOLD_PRODUCT_SALES_MINUTE = Table(
    "gold", "product_sales_minute", "minute, product, region and batch",
    key=("minute_utc", "product_id", "region", "batch_id"),
)  # fmt: skip
GOLD_ORDER_VALUE_MINUTE = Table(
    "gold", "order_value_minute", "minute, region, channel and batch",
    key=("minute_utc", "region", "channel", "batch_id"),
)  # fmt: skip

TABLES = (
    BRONZE_ORDERS,
    SILVER_ORDERS,
    SILVER_REJECTED,
    GOLD_PRODUCT_SALES_MINUTE,
    GOLD_ORDER_VALUE_MINUTE,
)


SHADOWS = "shadow"


def checkpoint(root: Path, query: str) -> Path:
    """Where a streaming query keeps its offsets."""
    return root / "_checkpoints" / query


def shadow(root: Path, name: str) -> Path:
    """The root of side tables that are not the lake's yet: all that jobs beside the lake writer may write."""
    return root / SHADOWS / name


def order_index(root: Path) -> Path:
    """The look-up of accepted orders by order_id. Derived: silver.orders is the truth."""
    return root / "_index" / "orders"


def odd_records(root: Path) -> Path:
    """The file in which the lake writer passes records on to Spark's rules; gone when they are judged."""
    return root / "_judging" / "odd_records.arrow"


def writer_lock(root: Path) -> Path:
    """Held by the one process that may write the lake."""
    return root / ".writer.lock"


def java_lock(root: Path) -> Path:
    """Held by that process's Java half, which may outlive it."""
    return root / ".writer.java.lock"
