"""
The fields of an order and their types, as native expressions.

Most records have exactly the contract's fields in the contract's types. `schema_of_variant` says so with
one string comparison; only the others ("odd" ones) are taken apart field by field.
"""

from functools import reduce
from operator import or_

import pyspark.sql.functions as F
from pyspark.sql import Column, DataFrame
from pyspark.sql import types as T

from lake.schemas.orders import PAYLOAD, PAYLOAD_LINE
from spark.transforms.json_text import STRICT

RFC_3339 = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$"
LAST_64_BIT = float(2**63)

OPTIONAL_FIELDS = ("customer_email",)
REQUIRED_FIELDS = tuple(name for name in PAYLOAD.names if name not in OPTIONAL_FIELDS)


def _names(struct: T.StructType, kind: T.DataType) -> tuple[str, ...]:
    return tuple(field.name for field in struct if field.dataType == kind)


def _shape(struct: T.StructType, *, without: tuple[str, ...] = ()) -> str:
    """A struct as `schema_of_variant` writes it: keys sorted, whole numbers BIGINT."""
    kept = sorted((field for field in struct if field.name not in without), key=lambda field: field.name)
    return f"OBJECT<{', '.join(f'{field.name}: {_kind(field.dataType)}' for field in kept)}>"


def _kind(declared: T.DataType) -> str:
    if isinstance(declared, T.ArrayType):
        return f"ARRAY<{_shape(PAYLOAD_LINE)}>"
    return {T.StringType(): "STRING", T.LongType(): "BIGINT"}[declared]  # type: ignore[index]


PLAIN_SHAPES = (_shape(PAYLOAD), _shape(PAYLOAD, without=OPTIONAL_FIELDS))


def with_order(documents: DataFrame) -> DataFrame:
    """
    Add the order a document holds.

    Args:
        documents: columns of `with_document`.

    Returns:
        The same rows plus `order` (PAYLOAD, what could be read as declared), `ordered_at timestamp` (NULL
        unless RFC 3339 with a zone), and for odd objects `fields map<string,variant>` and `line_fields
        array<map<string,variant>>`.
    """
    is_plain = F.col("shape").isin(*PLAIN_SHAPES)
    is_odd_object = F.col("shape").startswith("OBJECT") & (~is_plain | _has_hole())
    return (
        documents.withColumn("order", F.from_json("text", PAYLOAD, STRICT))
        .withColumn("ordered_at", _instant(F.col("order.ordered_at")))
        .withColumn("fields", F.when(is_odd_object, _as_map(F.col("document"))))
        .withColumn(
            "line_fields",
            F.transform(F.try_variant_get(F.col("fields")["lines"], "$", "array<variant>"), _as_map),
        )
    )


def _instant(written: Column) -> Column:
    # The cast wants "T" and "Z"; RFC 3339 allows small letters, which are too rare to pay for in every row.
    instant = F.coalesce(written.try_cast("timestamp"), F.upper(written).try_cast("timestamp"))
    return F.when(written.rlike(RFC_3339), instant)


def _has_hole() -> Column:
    # schema_of_variant merges the lines: one line without a field, or with a null, hides behind the others.
    def has_null(line: Column) -> Column:
        return reduce(or_, (line[name].isNull() for name in PAYLOAD_LINE.names))

    return F.exists("order.lines", has_null)


def _as_map(document: Column) -> Column:
    return F.try_variant_get(document, "$", "map<string,variant>")


def with_rescued(orders: DataFrame) -> DataFrame:
    """
    Add `rescued`, the fields the contract does not know, as a JSON object; NULL when there are none.

    Unknown fields of lines stand under its key `lines`, one object per line in the order they were sent.
    """
    unknown = F.map_filter("fields", lambda name, _: ~name.isin(*PAYLOAD.names))
    unknown_of_lines = F.transform(
        "line_fields", lambda line: F.map_filter(line, lambda name, _: ~name.isin(*PAYLOAD_LINE.names))
    )
    has_unknown_in_lines = F.coalesce(F.exists(unknown_of_lines, lambda line: F.size(line) > 0), F.lit(False))
    of_lines = F.create_map(F.lit("lines"), F.to_variant_object(unknown_of_lines))
    rescued = F.when(has_unknown_in_lines, F.map_concat(unknown, of_lines)).otherwise(unknown)
    return orders.withColumn("rescued", F.when(F.size(rescued) > 0, F.to_json(F.to_variant_object(rescued))))


def shape_conditions() -> dict[str, Column]:
    """Reason code to condition over the columns of `with_order`; only odd objects can meet one."""
    fields, lines = F.col("fields"), F.col("line_fields")
    is_missing_in_line = _any_line(lines, lambda line: _lacks(line, PAYLOAD_LINE.names))
    is_wrong_in_line = _any_line(lines, lambda line: line.isNull() | _has_wrong_type(line, PAYLOAD_LINE))
    is_huge_in_line = _any_line(lines, lambda line: _has_huge_number(line, PAYLOAD_LINE))
    is_not_array = fields["lines"].isNotNull() & lines.isNull()
    conditions = {
        "field_missing": _lacks(fields, REQUIRED_FIELDS) | is_missing_in_line,
        "wrong_type": _has_wrong_type(fields, PAYLOAD) | is_not_array | is_wrong_in_line,
        "out_of_range": _has_huge_number(fields, PAYLOAD) | is_huge_in_line,
        "line_invalid": is_missing_in_line | is_wrong_in_line | is_huge_in_line,
    }
    # Plain objects skip the work altogether.
    return {code: F.when(fields.isNotNull(), condition) for code, condition in conditions.items()}


def _any_line(lines: Column, condition) -> Column:  # type: ignore[no-untyped-def]  # pyspark's own lambda type
    return F.coalesce(F.exists(lines, condition), F.lit(False))


def _lacks(fields: Column, names: tuple[str, ...] | list[str]) -> Column:
    return F.coalesce(F.size(F.array_except(_literals(names), F.map_keys(fields))) > 0, F.lit(False))


def _has_wrong_type(fields: Column, struct: T.StructType) -> Column:
    texts, numbers = _names(struct, T.StringType()), _names(struct, T.LongType())

    def is_no_text(name: Column) -> Column:
        return F.schema_of_variant(fields[name]) != "STRING"

    def is_no_whole_number(name: Column) -> Column:
        kind = F.schema_of_variant(fields[name])
        is_beyond_64_bit = kind.like("DECIMAL(%,0)") & _is_huge(fields[name])
        return (kind != "BIGINT") & ~is_beyond_64_bit

    return _any_name(texts, is_no_text) | _any_name(numbers, is_no_whole_number)


def _has_huge_number(fields: Column, struct: T.StructType) -> Column:
    return _any_name(_names(struct, T.LongType()), lambda name: _is_huge(fields[name]))


def _is_huge(value: Column) -> Column:
    is_number = F.schema_of_variant(value).rlike("^(DECIMAL|DOUBLE)")
    return F.coalesce(
        is_number & (F.abs(F.try_variant_get(value, "$", "double")) >= LAST_64_BIT), F.lit(False)
    )


def _any_name(names: tuple[str, ...], condition) -> Column:  # type: ignore[no-untyped-def]
    return F.coalesce(F.exists(_literals(names), condition), F.lit(False))


def _literals(names: tuple[str, ...] | list[str]) -> Column:
    return F.array(*map(F.lit, names))
