"""What a suite looks at: the rows of some hours, and one row per hour with what they add up to."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.quality.tables import (
    FCT_ORDER_LINES,
    FCT_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    ORDER_VALUE_HOURLY,
    ROWS,
    SILVER_ORDERS,
    SILVER_REJECTED,
    Checked,
)

HOUR = "hour_utc"
HMAC = re.compile("[0-9a-f]{64}")
# Whole numbers that may be missing: as floats they would be rounded above 2^53.
EXACT = ("hour_rows", "hour_orders", "hour_cents", "due_rows", "due_orders", "due_cents")


class Due(NamedTuple):
    """What an hour must hold by the ledger, and what else is known of it. None: the ledger does not say."""

    rows: int | None = None
    orders: int | None = None
    cents: int | None = None
    fewest_usual_orders: float | None = None
    most_usual_orders: float | None = None
    minutes_behind: float | None = None
    rejected_share: float | None = None

    @property
    def is_something(self) -> bool:
        return bool(self.rows or self.orders or self.cents)

    def describe(self) -> str:
        named = ((self.rows, "rows"), (self.orders, "orders"), (self.cents, "cents"))
        return ", ".join(f"{count:,} {name}" for count, name in named if count)


class Batch(NamedTuple):
    """The rows of a table in the hours that `due` names; `rows` has `hour_utc` beside the table's columns."""

    table: Checked
    rows: pd.DataFrame
    due: Mapping[datetime, Due]

    def of_hour(self, hour: datetime) -> "Batch":
        return Batch(self.table, self.rows[self.rows[HOUR] == hour], {hour: self.due[hour]})


def batch_of(table: Checked, rows: pa.Table, due: Mapping[datetime, Due]) -> Batch:
    """From Arrow, with the columns that are derived: nested ones become what a suite can judge."""
    derive = DERIVED.get(table)
    return Batch(table, derive(rows) if derive else rows.to_pandas(), due)


def hours_frame(batch: Batch) -> pd.DataFrame:
    """A row per hour, also for an hour without rows."""
    groups = batch.rows.groupby(HOUR)
    counts = groups.size().to_dict()
    sums = {name: groups[name].sum().to_dict() for name in _measures(batch.table)}
    made = [_of_hour(batch, hour, due, counts, sums) for hour, due in batch.due.items()]
    frame = pd.DataFrame(made)
    exact = [name for name in EXACT if name in frame]
    return frame.astype(dict.fromkeys(exact, object)).astype(
        {name: float for name in frame if name not in (HOUR, *exact)}
    )


def _measures(table: Checked) -> set[str]:
    return {name for name in (table.orders, table.cents) if name and name != ROWS}


def _of_hour(
    batch: Batch, hour: datetime, due: Due, counts: dict[Any, int], sums: dict[str, dict[Any, int]]
) -> dict[str, Any]:
    def measured(name: str | None) -> int | None:
        if name is None:
            return None
        return int((counts if name == ROWS else sums[name]).get(hour, 0))

    return {
        HOUR: hour,
        "hour_rows": measured(ROWS),
        "hour_orders": measured(batch.table.orders),
        "hour_cents": measured(batch.table.cents),
        "due_rows": due.rows,
        "due_orders": due.orders,
        "due_cents": due.cents,
        "fewest_usual_orders": due.fewest_usual_orders,
        "most_usual_orders": due.most_usual_orders,
        "minutes_behind": due.minutes_behind,
        "rejected_share": due.rejected_share,
    }


def _silver_orders(rows: pa.Table) -> pd.DataFrame:
    """The lines become how many they are, and what the order comes to by its parts."""
    rows = rows.combine_chunks()
    lines = rows["lines"].combine_chunks() if rows.num_rows else pa.array([], rows.schema.field("lines").type)
    flat = pc.list_flatten(lines)
    revenue = pc.subtract(
        pc.multiply(
            pc.struct_field(flat, "quantity").cast(pa.int64()), pc.struct_field(flat, "unit_price_cents")
        ),
        pc.struct_field(flat, "discount_cents"),
    )
    goods = revenue.to_pandas().groupby(pc.list_parent_indices(lines).to_pandas()).sum()
    frame = rows.drop_columns(["lines"]).to_pandas()
    frame["line_count"] = pc.list_value_length(lines).to_pandas()
    parts = goods.reindex(frame.index, fill_value=0) + frame["shipping_cents"] + frame["tax_cents"]
    frame["parts_cents"] = parts
    hmac = rows["customer_email_hmac"].to_pylist()
    frame = frame.drop(columns="customer_email_hmac")
    frame["email_is_hidden"] = [value is None or bool(HMAC.fullmatch(value)) for value in hmac]
    return frame


def _rejected(rows: pa.Table) -> pd.DataFrame:
    frame = rows.to_pandas()
    frame["reason_codes"] = [",".join(reasons) for reasons in frame.pop("reasons")]
    frame["has_reasons"] = ["yes" if codes else "no" for codes in frame["reason_codes"]]
    return frame


def _gold(rows: pa.Table) -> pd.DataFrame:
    frame = rows.to_pandas()
    frame["second_of_minute"] = frame["minute_utc"].dt.second if len(frame) else pd.Series(dtype=int)
    return frame


def _fct_orders(rows: pa.Table) -> pd.DataFrame:
    frame = rows.to_pandas()
    frame["parts_cents"] = frame["goods_cents"] + frame["shipping_cents"] + frame["tax_cents"]
    return frame


def _fct_order_lines(rows: pa.Table) -> pd.DataFrame:
    frame = rows.to_pandas()
    frame["parts_cents"] = frame["quantity"] * frame["unit_price_cents"] - frame["discount_cents"]
    return frame


def _order_value_hourly(rows: pa.Table) -> pd.DataFrame:
    frame = rows.to_pandas()
    exact = frame["revenue_cents"] / frame["orders"]
    frame["rounding_in_cents"] = (frame["average_order_value_cents"] - exact).abs()
    return frame


DERIVED = {
    SILVER_ORDERS: _silver_orders,
    SILVER_REJECTED: _rejected,
    GOLD_PRODUCT_SALES_MINUTE: _gold,
    GOLD_ORDER_VALUE_MINUTE: _gold,
    FCT_ORDERS: _fct_orders,
    FCT_ORDER_LINES: _fct_order_lines,
    ORDER_VALUE_HOURLY: _order_value_hourly,
}
