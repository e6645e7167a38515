"""The questions that matter, asked of a week of orders."""

from datetime import timedelta
from typing import NamedTuple

import pyarrow.dataset as ds

from bench.week import DAYS, EVENT_TIME, START
from lake.tables import GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS, Table

PUBLISHED = ("order_id", "ordered_at", "customer_id", "region", "channel", "lines", "total_cents", "batch_id")
SUMS = ("product_id", "region", "orders", "units", "revenue_cents")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Question(NamedTuple):
    """`where` in SQL for Spark and as an expression for Arrow; `columns` that are read."""

    name: str
    table: Table
    columns: tuple[str, ...]
    first: timedelta
    length: timedelta
    order_id: str | None = None

    def sql(self) -> str:
        if self.order_id:
            return f"order_id = '{self.order_id}'"
        since, until, column = START + self.first, START + self.first + self.length, EVENT_TIME[self.table]
        days = f"date_utc between date'{since.date()}' and date'{until.date()}'"
        times = f"{column} >= timestamp'{since.isoformat()}' and {column} < timestamp'{until.isoformat()}'"
        return f"{days} and {times}"

    def expression(self) -> ds.Expression:
        if self.order_id:
            return ds.field("order_id") == self.order_id
        since, until = START + self.first, START + self.first + self.length
        time, day = ds.field(EVENT_TIME[self.table]), ds.field("date_utc")
        return (
            (day >= since.date()) & (day <= until.date()) & (time >= since) & (time < until)
        )  # fmt: skip


def questions(known_order: str) -> tuple[Question, ...]:
    return (
        Question("an hour of silver", SILVER_ORDERS, PUBLISHED, 3 * DAY + 11 * HOUR, HOUR),
        Question("a day of gold", GOLD_PRODUCT_SALES_MINUTE, SUMS, 3 * DAY, DAY),
        Question("the last hour of gold", GOLD_PRODUCT_SALES_MINUTE, SUMS, DAYS * DAY - HOUR, HOUR),
        Question("one order", SILVER_ORDERS, PUBLISHED, DAY, DAY, known_order),
        Question("the week's gold", GOLD_PRODUCT_SALES_MINUTE, SUMS, 0 * DAY, DAYS * DAY),
    )
