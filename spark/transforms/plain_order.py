"""
Most records are, letter for letter, what Spark itself would write of the order it reads in them: no blanks,
the contract's fields in the contract's order. One comparison of texts tells them, because what damage
`from_json` lets pass (json_text.py) it does not write again. All others are taken apart value by value, which
costs several times as much.
"""

from functools import reduce
from operator import and_

import pyspark.sql.functions as F
from pyspark.sql import Column, DataFrame

from lake.contract import FIELDS_SINCE
from lake.schemas.orders import PAYLOAD
from spark.transforms.json_text import STRICT

REQUIRED_FIELDS = tuple(field.name for field in PAYLOAD if not field.nullable)
OPTIONAL_FIELDS = tuple(field.name for field in PAYLOAD if field.nullable)


def with_plain_order(texts: DataFrame) -> DataFrame:
    """
    Add the order as `from_json` reads it, and whether that is all there is to the record.

    Args:
        texts: columns of `with_text`.

    Returns:
        The same rows plus `order` (PAYLOAD, without the fields of versions after its own) and `is_plain
        boolean`: the text is exactly this order, every required field is there, and every field of its lines.
    """
    # Without the optional fields that it lacks, everything else written out, NULLs too.
    is_without = [F.col("order")[name].isNull() for name in OPTIONAL_FIELDS]
    written = F.when(reduce(and_, is_without), _written(F.col("order").dropFields(*OPTIONAL_FIELDS)))
    is_same_text = F.col("text") == written.otherwise(_written(F.col("order")))
    # In an order, null is nothing but a field that is missing; as part of a text it is rare.
    is_complete = ~F.contains("text", F.lit("null"))
    return (
        texts.withColumn("order", F.from_json("text", PAYLOAD, STRICT))
        .withColumn("order", _of_its_version(F.col("order")))
        .withColumn("is_plain", F.coalesce(is_same_text & is_complete, F.lit(False)))
    )


def _written(order: Column) -> Column:
    return F.to_json(order, {"ignoreNullFields": "false"})


def _of_its_version(order: Column) -> Column:
    """Without the fields of versions after its own."""
    for name, since in FIELDS_SINCE.items():
        order = order.withField(name, F.when(order["schema_version"] >= since, order[name]))
    return order
