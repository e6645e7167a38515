"""
Additive per-minute aggregates of accepted orders: the sums of one batch, to be added to those of all others.
"""

import pyspark.sql.functions as F
from pyspark.sql import Column, DataFrame


def product_sales_minute(silver: DataFrame, *more_keys: str) -> DataFrame:
    """
    Columns of gold.product_sales_minute without the batch, unless it is one of `more_keys`, and
    `product_name, category` as last ordered.

    `orders` counts orders with the product, also when it stands in two of their lines.
    """
    line = F.col("line")
    position_of_product = F.array_position("lines.product_id", F.col("line.product_id"))
    is_first_line_of_product = position_of_product == F.col("position") + 1
    # By value alone, as in live.products: the same name wins however orders were spread over batches.
    named_at = F.struct("ordered_at", line["product_name"], line["category"])
    return (
        silver.select("*", F.posexplode("lines").alias("position", "line"))
        .groupBy(_minute(), line["product_id"].alias("product_id"), "region", *more_keys)
        .agg(
            F.count_if(is_first_line_of_product).alias("orders"),
            F.sum(line["quantity"].cast("long")).alias("units"),
            F.sum(line["quantity"] * line["unit_price_cents"] - line["discount_cents"]).alias(
                "revenue_cents"
            ),
            F.max_by(F.struct(line["product_name"], line["category"]), named_at).alias("named"),
            F.max("ordered_at").alias("named_at"),
        )
        .select("*", "named.product_name", "named.category", F.to_date("minute_utc").alias("date_utc"))
        .drop("named")
    )


def order_value_minute(silver: DataFrame, *more_keys: str) -> DataFrame:
    """Columns of gold.order_value_minute without the batch, unless it is one of `more_keys`."""
    return (
        silver.groupBy(_minute(), "region", "channel", *more_keys)
        .agg(F.count("*").alias("orders"), F.sum("total_cents").alias("revenue_cents"))
        .withColumn("date_utc", F.to_date("minute_utc"))
    )


def _minute() -> Column:
    return F.date_trunc("minute", "ordered_at").alias("minute_utc")
