"""
What is asked of each line of an order. Spark makes code of an expression, but interprets a function with a
lambda in it and everything inside, at many times the cost: reading one field of one line sets up the whole
configuration of the session anew (UnsafeRow.get, Spark 4.2). So the first lines of an order, and few orders
have more, are asked one by one without a lambda.
"""

from collections.abc import Callable
from functools import reduce
from operator import or_

import pyspark.sql.functions as F
from pyspark.sql import Column

# Nineteen orders of twenty have no more, and each line more makes more code, in every task anew.
FIRST_LINES = 4


def any_line(lines: Column, condition: Callable[[Column], Column]) -> Column:
    """
    Whether a line meets the condition; NULL counts as false.

    Args:
        condition: of a line; not true of NULL, that stands where an order has no line.
    """
    first = (F.coalesce(condition(F.get(lines, F.lit(i))), F.lit(False)) for i in range(FIRST_LINES))
    every = F.coalesce(F.exists(lines, condition), F.lit(False))
    return F.when(F.size(lines) > FIRST_LINES, every).otherwise(reduce(or_, first))


def sum_of_lines(lines: Column, number: Callable[[Column], Column]) -> Column:
    """Sum of a whole number of each line, 0 without lines; NULL when it leaves 64 bits or one is NULL."""

    def add(total: Column, line: Column) -> Column:
        return F.try_add(total, number(line))

    zero = F.lit(0).cast("long")
    first = (
        F.when(F.size(lines) > i, number(F.get(lines, F.lit(i)))).otherwise(zero) for i in range(FIRST_LINES)
    )
    every = F.when(lines.isNotNull(), F.aggregate(lines, zero, add))
    return F.when((F.size(lines) > FIRST_LINES) | lines.isNull(), every).otherwise(reduce(F.try_add, first))
