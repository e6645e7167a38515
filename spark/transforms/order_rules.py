"""
The rules of `orders.v1` as native expressions: a record without reasons is an order. Source:
docs/contracts/orders.md.
"""

import pyspark.sql.functions as F
from pyspark.sql import Column, DataFrame

from lake import contract
from spark.transforms.each_line import any_line, sum_of_lines
from spark.transforms.order_shape import shape_conditions


def with_reasons(orders: DataFrame, *, reporting_currency: str) -> DataFrame:
    """
    Add `reasons array<string>`, why a record may not enter silver; empty for a good one.

    Args:
        orders: columns of `with_order`, and `kafka_timestamp`, the broker's clock, against which times are
        bounded.
    """
    conditions = [
        shape_conditions(),
        _value_conditions(reporting_currency),
        _time_conditions(),
        _range_conditions(),
    ]
    codes = (
        _code_if_any(code, [group[code] for group in conditions if code in group])
        for code in contract.REASONS
    )
    is_object = F.col("is_plain") | F.coalesce(F.col("shape").startswith("OBJECT"), F.lit(False))
    reasons = (
        # As array_compact would, but that is a function with a lambda in it: Spark makes no code of such a
        # one, nor of anything that stands in it.
        F.when(is_object, F.array_except(F.array(*codes), F.array(F.lit(None).cast("string"))))
        .when(F.col("document").isNotNull(), F.array(F.lit("not_object")))
        .otherwise(F.col("text_reasons"))
    )
    return (
        orders.withColumn("_is_line_out_of_range", any_line(F.col("order.lines"), _is_line_out_of_range))
        .withColumn("reasons", reasons)
        .drop("_is_line_out_of_range")
    )


def _code_if_any(code: str, conditions: list[Column]) -> Column:
    return F.when(_any(*conditions), F.lit(code))


def _value_conditions(reporting_currency: str) -> dict[str, Column]:
    closed_lists = {
        "region": contract.REGIONS,
        "country": contract.COUNTRIES,
        "channel": contract.CHANNELS,
        "payment_method": contract.PAYMENT_METHODS,
    }
    is_unknown = [~F.col(f"order.{name}").isin(*values) for name, values in closed_lists.items()]
    # An escaped backslash before "u0000" makes it plain text, so those go first.
    has_nul = F.contains("text", F.lit("\\u0000")) & F.contains(
        F.replace("text", F.lit("\\\\")), F.lit("\\u0000")
    )
    return {
        "schema_version_unknown": ~F.col("order.schema_version").isin(*contract.SCHEMA_VERSIONS),
        "currency_unsupported": F.col("order.currency") != reporting_currency,
        "value_unknown": _any(*is_unknown),
        "nul_character": has_nul,
    }


def _time_conditions() -> dict[str, Column]:
    ordered_at, arrived_at = F.col("ordered_at"), F.col("kafka_timestamp")
    return {
        "bad_time": F.col("order.ordered_at").isNotNull() & ordered_at.isNull(),
        "future_time": ordered_at > arrived_at + F.make_dt_interval(mins=F.lit(contract.MAX_FUTURE_MINUTES)),
        "too_old": ordered_at < arrived_at - F.make_dt_interval(days=F.lit(contract.MAX_AGE_DAYS)),
    }


def _range_conditions() -> dict[str, Column]:
    ids = ("event_id", "order_id", "customer_id")
    charges = ("shipping_cents", "tax_cents")
    lines, is_line_out_of_range = F.col("order.lines"), F.col("_is_line_out_of_range")
    has_repeated_number = F.size(F.array_distinct(lines["line_no"])) < F.size(lines)
    is_odd_count = ~F.size(lines).between(1, contract.MAX_LINES)
    return {
        "out_of_range": _any(
            *(_is_bad_id(F.col(f"order.{name}")) for name in ids),
            *(~F.col(f"order.{name}").between(0, contract.MAX_CHARGE_CENTS) for name in charges),
            F.col("order.total_cents") < 0,
            is_odd_count,
            is_line_out_of_range,
        ),
        "line_invalid": _any(is_odd_count, has_repeated_number, is_line_out_of_range),
        "total_mismatch": F.col("order.total_cents") != _sum_of_parts(),
    }


def _is_bad_id(text: Column) -> Column:
    return ~F.char_length(text).between(1, contract.ID_MAX_CHARACTERS)


def _is_line_out_of_range(line: Column) -> Column:
    return _any(
        line["line_no"] < 1,
        line["line_no"] > contract.MAX_LINE_NO,
        _is_bad_id(line["product_id"]),
        F.char_length(line["product_name"]) > contract.PRODUCT_NAME_MAX_CHARACTERS,
        F.char_length(line["category"]) > contract.CATEGORY_MAX_CHARACTERS,
        ~line["quantity"].between(1, contract.MAX_QUANTITY),
        ~line["unit_price_cents"].between(0, contract.MAX_UNIT_PRICE_CENTS),
        line["discount_cents"] < 0,
        line["discount_cents"] > F.try_multiply(line["quantity"], line["unit_price_cents"]),
    )


def _sum_of_parts() -> Column:
    """NULL where a part is missing or the sum leaves 64 bits: then there is nothing to compare."""

    def goods(line: Column) -> Column:
        return F.try_subtract(
            F.try_multiply(line["quantity"], line["unit_price_cents"]), line["discount_cents"]
        )

    of_lines = sum_of_lines(F.col("order.lines"), goods)
    return F.try_add(F.try_add(of_lines, F.col("order.shipping_cents")), F.col("order.tax_cents"))


def _any(*conditions: Column) -> Column:
    """True when one of them is; a NULL counts as false."""
    result = F.lit(False)
    for condition in conditions:
        result = result | F.coalesce(condition, F.lit(False))
    return result
