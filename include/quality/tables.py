"""Which tables have a suite, and what of each adds up to the ledger. Nothing heavy here."""

from dataclasses import dataclass

ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Checked:
    """A table with a suite. `orders` and `cents` are the columns that add up; `ROWS` counts the rows."""

    layer: str
    name: str
    columns: tuple[str, ...]
    orders: str | None = None
    cents: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.layer}.{self.name}"

    @property
    def suite(self) -> str:
        """The stem of its file under include/expectations."""
        return self.name if self.layer == "marts" else f"{self.layer}_{self.name}"


POSITION = ("topic", "partition", "offset", "batch_id")

BRONZE_ORDERS = Checked("bronze", "orders", (*POSITION, "kafka_timestamp", "ingested_at"))
SILVER_ORDERS = Checked(
    "silver", "orders",
    ("order_id", "ordered_at", "customer_id", "customer_email_hmac", "region", "country", "channel",
     "payment_method", "currency", "lines", "shipping_cents", "tax_cents", "total_cents", *POSITION),
    orders=ROWS, cents="total_cents",
)  # fmt: skip
SILVER_REJECTED = Checked("silver", "rejected", (*POSITION, "disposition", "reasons"))
GOLD_PRODUCT_SALES_MINUTE = Checked(
    "gold", "product_sales_minute",
    ("minute_utc", "product_id", "region", "orders", "units", "revenue_cents", "batch_id"),
    cents="revenue_cents",
)  # fmt: skip
GOLD_ORDER_VALUE_MINUTE = Checked(
    "gold", "order_value_minute",
    ("minute_utc", "region", "channel", "orders", "revenue_cents", "batch_id"),
    orders="orders", cents="revenue_cents",
)  # fmt: skip

FCT_ORDERS = Checked(
    "marts", "fct_orders",
    ("order_id", "region", "country", "channel", "payment_method", "currency", "line_count", "units",
     "goods_cents", "shipping_cents", "tax_cents", "total_cents"),
    orders=ROWS, cents="total_cents",
)  # fmt: skip
FCT_ORDER_LINES = Checked(
    "marts", "fct_order_lines",
    ("order_id", "line_no", "region", "product_id", "quantity", "unit_price_cents", "discount_cents",
     "revenue_cents"),
    cents="revenue_cents",
)  # fmt: skip
PRODUCT_SALES_HOURLY = Checked(
    "marts", "product_sales_hourly",
    ("product_id", "region", "orders", "units", "revenue_cents", "completeness"),
    cents="revenue_cents",
)  # fmt: skip
REGION_SALES_HOURLY = Checked(
    "marts", "region_sales_hourly", ("region", "orders", "revenue_cents", "completeness"),
    orders="orders", cents="revenue_cents",
)  # fmt: skip
ORDER_VALUE_HOURLY = Checked(
    "marts", "order_value_hourly",
    ("region", "channel", "orders", "revenue_cents", "average_order_value_cents", "completeness"),
    orders="orders", cents="revenue_cents",
)  # fmt: skip

# What a publish reads of the lake, in this order, and what arrives there hour by hour.
PUBLISHED_FROM = (SILVER_ORDERS, GOLD_PRODUCT_SALES_MINUTE, GOLD_ORDER_VALUE_MINUTE)
ARRIVALS = (BRONZE_ORDERS, SILVER_REJECTED)
MARTS = (FCT_ORDERS, FCT_ORDER_LINES, PRODUCT_SALES_HOURLY, REGION_SALES_HOURLY, ORDER_VALUE_HOURLY)
CHECKED = (*ARRIVALS, *PUBLISHED_FROM, *MARTS)

# The columns of the frame that has one row per hour.
HOUR_COLUMNS = (
    "hour_rows",
    "hour_orders",
    "hour_cents",
    "due_rows",
    "due_orders",
    "due_cents",
    "fewest_usual_orders",
    "most_usual_orders",
    "minutes_behind",
    "rejected_share",
)
# Never shown, recorded or put on a page: what a broken row has there may tell about a person.
WITHOUT_SAMPLES = ("customer_id", "customer_email_hmac")
