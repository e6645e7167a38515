"""Every mart, declared once, and the SQL that belongs to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
from psycopg import sql

from include.settings import PROJECT_ROOT

SQL_ROOT = PROJECT_ROOT / "sql"

# Say when and how often an hour was published, not what it holds: no part of the content hash.
PUBLICATION_COLUMNS = ("as_of", "completeness", "version", "is_restated")


STAGED_PREFIX = "staged_mart_"


@dataclass(frozen=True, slots=True)
class Mart:
    """One table of schema marts that is published hour by hour; its `amount` adds up to money."""

    name: str
    amount: str
    has_date: bool = False

    @property
    def table(self) -> sql.Identifier:
        return sql.Identifier("marts", self.name)

    @property
    def path(self) -> str:
        return f"marts/{self.name}.sql"


def staged(mart: str) -> sql.Identifier:
    """The session's temp table of the mart's form: an hour is made and audited there, then published."""
    return sql.Identifier("pg_temp", f"{STAGED_PREFIX}{mart}")


FCT_ORDERS = Mart("fct_orders", amount="total_cents", has_date=True)
FCT_ORDER_LINES = Mart("fct_order_lines", amount="revenue_cents", has_date=True)
PRODUCT_SALES_HOURLY = Mart("product_sales_hourly", amount="revenue_cents")
REGION_SALES_HOURLY = Mart("region_sales_hourly", amount="revenue_cents")
ORDER_VALUE_HOURLY = Mart("order_value_hourly", amount="revenue_cents")

# Each references only tables before it.
MARTS = (FCT_ORDERS, FCT_ORDER_LINES, PRODUCT_SALES_HOURLY, REGION_SALES_HOURLY, ORDER_VALUE_HOURLY)
DIM_PRODUCT = "marts/dim_product.sql"


@cache
def statement(path: str) -> str:
    """The text of a file under `sql/`."""
    return (SQL_ROOT / path).read_text(encoding="utf-8")


def execute(
    connection: psycopg.Connection, text: str, binds: Mapping[str, Any] | None = None
) -> psycopg.Cursor:
    """Run the statements of a file, with `binds` as their values."""
    # Bound by the client: the server takes no values for more than one statement.
    cursor = psycopg.ClientCursor(connection)
    return cursor.execute(text, binds)
