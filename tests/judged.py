"""Holds records that were judged in this process against Spark's judgement of them."""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyspark.sql.functions as F
from pyspark.sql import DataFrame
from pyspark.sql.types import VariantVal

from lake.schemas.orders import ORDER

OF_ALL = ("offset", "value", "reasons", "order_id", "total_cents")
OF_GOOD = (*ORDER.names, "is_late", "order_hash")


def differences(
    here: pa.Table,
    in_spark: DataFrame,
    *,
    of_good: tuple[str, ...] = OF_GOOD,
    of_rejected: tuple[str, ...] = (),
) -> list[str]:
    """
    Records judged here about which Spark does not say the same.

    Args:
        of_good: columns to compare beside OF_ALL, as a rule all that silver keeps.
        of_rejected: the same of the others, of which silver.rejected keeps no more than OF_ALL.
    """
    theirs = in_spark.withColumn("rescued", F.to_json("rescued")).toArrow()
    by_offset = {row["offset"]: row for row in _rows(theirs)}
    pairs = [(ours, by_offset[ours["offset"]]) for ours in _rows(here)]
    more = (of_rejected, of_good)
    seen = [(_seen(ours, more, _from_parts), _seen(other, more, _from_text)) for ours, other in pairs]
    return [f"{ours}\n  {other}" for ours, other in seen if ours != other]


def _rows(judged: pa.Table) -> list[dict[str, Any]]:
    """`ordered_at` in microseconds: what a rejected record says there may be no time that Python has."""
    place = judged.column_names.index("ordered_at")
    plain = judged.set_column(place, "ordered_at", judged["ordered_at"].cast(pa.int64()))
    rows: list[dict[str, Any]] = plain.to_pylist()
    return rows


def _seen(
    row: dict[str, Any], more: tuple[tuple[str, ...], ...], rescued: Callable[[Any], Any]
) -> dict[str, Any]:
    names = (*OF_ALL, *more[not row["reasons"]])
    return {name: rescued(row[name]) if name == "rescued" else row[name] for name in names}


def _from_parts(parts: dict[str, bytes] | None) -> Any:
    return None if parts is None else _from_text(VariantVal(parts["value"], parts["metadata"]).toJson())


def _from_text(text: str | None) -> Any:
    return None if text is None else json.loads(text)
