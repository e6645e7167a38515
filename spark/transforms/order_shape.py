"""
The fields of an order and their types, as native expressions.

Most records have exactly the contract's fields in the contract's types. `schema_of_variant` says so with
one string comparison; only the others ("odd" ones) are taken apart field by field.
"""

from collections.abc import Callable
from functools import reduce
from itertools import chain, combinations
from operator import or_

import pyspark.sql.functions as F
from pyspark.sql import Column, DataFrame
from pyspark.sql import types as T

from lake.contract import FIELDS_SINCE, SCHEMA_VERSIONS
from lake.schemas.orders import PAYLOAD, PAYLOAD_LINE
from spark.transforms.json_text import STRICT, with_document, with_text
from spark.transforms.plain_order import OPTIONAL_FIELDS, REQUIRED_FIELDS, with_plain_order

RFC_3339 = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\z"
WHOLE_NUMBER = r"^-?\d+\z"


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


def plain_shapes(version: int) -> tuple[str, ...]:
    """
    Every shape of an order that has all required fields of a version and any of its optional ones.

    Each optional field doubles them: a handful costs nothing, a dozen would.
    """
    later = tuple(name for name in OPTIONAL_FIELDS if FIELDS_SINCE.get(name, 1) > version)
    optional = [name for name in OPTIONAL_FIELDS if name not in later]
    absent = chain.from_iterable(combinations(optional, count) for count in range(len(optional) + 1))
    return tuple(_shape(PAYLOAD, without=(*later, *names)) for names in absent)


def with_order(records: DataFrame) -> DataFrame:
    """
    Add the order a record holds.

    Args:
        records: `value binary` and anything else.

    Returns:
        The same rows plus the columns of `with_text`, of `with_plain_order` and, for records that are not
        plain, of `with_document`, with `order` as declared in the record's version; `ordered_at timestamp`
        (NULL unless RFC 3339 with a zone); and for odd objects `fields` and `unknown_fields`, both
        `map<string,variant>`, `line_fields array<map<string,variant>>`, and with how their numbers were
        written `texts map<string,string>` and `line_texts array<map<string,string>>`.
    """
    is_odd = F.when(F.col("shape").startswith("OBJECT"), ~_has_plain_shape() | _has_hole())
    return (
        records.transform(with_text)
        .transform(with_plain_order)
        .transform(with_document, known=F.col("is_plain"))
        .withColumn("_fields", F.when(is_odd, _as_map(F.col("document"))))
        .withColumn("fields", F.map_filter("_fields", lambda name, _: _is_known(name)))
        .withColumn("unknown_fields", F.map_filter("_fields", lambda name, _: ~_is_known(name)))
        .drop("_fields")
        .withColumn(
            "line_fields",
            F.transform(F.try_variant_get(F.col("fields")["lines"], "$", "array<variant>"), _as_map),
        )
        .withColumn("texts", F.when(F.col("fields").isNotNull(), _as_texts(F.col("text"))))
        .withColumn(
            "line_texts",
            F.transform(F.from_json(F.col("texts")["lines"], "array<string>", STRICT), _as_texts),
        )
        .withColumn("order", F.when(F.col("fields").isNotNull(), _taken_apart()).otherwise(F.col("order")))
        .withColumn("ordered_at", _instant(F.col("order.ordered_at")))
    )


def _taken_apart() -> Column:
    """PAYLOAD of an odd object: `from_json` reads a number as a text, and loses all lines over a bad one."""
    lines = F.transform("line_fields", lambda line: F.struct(*(_as_declared(line, f) for f in PAYLOAD_LINE)))
    return F.struct(
        *(
            lines.alias(field.name)
            if isinstance(field.dataType, T.ArrayType)
            else _as_declared(F.col("fields"), field)
            for field in PAYLOAD
        )
    )


def _as_declared(fields: Column, field: T.StructField) -> Column:
    value, kind = fields[field.name], field.dataType
    is_of_kind = F.schema_of_variant(value) == _kind(kind)
    return F.when(is_of_kind, F.try_variant_get(value, "$", kind.simpleString())).alias(field.name)


def _has_plain_shape() -> Column:
    # What is plain in the first version is so in all, so that most records need no look at theirs.
    plain = F.col("shape").isin(*plain_shapes(SCHEMA_VERSIONS[0]))
    for version in (version for version in SCHEMA_VERSIONS if version > SCHEMA_VERSIONS[0]):
        plain |= _is_since(version) & F.col("shape").isin(*plain_shapes(version))
    return plain


def _is_since(version: int) -> Column:
    """Whether the record is of this version or a later one; it is not when it names none."""
    return F.coalesce(F.col("order.schema_version") >= version, F.lit(False))


def _is_known(name: Column) -> Column:
    """Whether the record's version has a field of this name."""
    known = name.isin(*(field for field in PAYLOAD.names if field not in FIELDS_SINCE))
    for field, since in FIELDS_SINCE.items():
        known |= (name == field) & _is_since(since)
    return known


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


def _as_texts(text: Column) -> Column:
    return F.from_json(text, "map<string,string>", STRICT)


def with_rescued(orders: DataFrame) -> DataFrame:
    """
    Add `rescued variant`, an object of the fields that the contract does not know in the record's version;
    NULL when there are none.

    Unknown fields of lines stand under its key `lines`, one object per line in the order they were sent.
    """
    unknown = F.col("unknown_fields")
    unknown_of_lines = F.transform(
        "line_fields", lambda line: F.map_filter(line, lambda name, _: ~name.isin(*PAYLOAD_LINE.names))
    )
    has_unknown_in_lines = F.coalesce(F.exists(unknown_of_lines, lambda line: F.size(line) > 0), F.lit(False))
    of_lines = F.create_map(F.lit("lines"), F.to_variant_object(unknown_of_lines))
    rescued = F.when(has_unknown_in_lines, F.map_concat(unknown, of_lines)).otherwise(unknown)
    return orders.withColumn("rescued", F.when(F.size(rescued) > 0, F.to_variant_object(rescued)))


def names_of(rescued: Column) -> Column:
    """The names in a `rescued`, as `array<string>`: those of lines start with `lines.`; NULL when NULL."""
    names = F.map_keys(_as_map(rescued))
    lines = F.transform(F.try_variant_get(rescued, "$.lines", "array<variant>"), _as_map)
    in_lines = F.array_distinct(F.flatten(F.transform(lines, F.map_keys)))
    told = F.transform(in_lines, lambda name: F.concat(F.lit("lines."), name))
    return F.concat(F.array_remove(names, "lines"), F.coalesce(told, F.array().cast("array<string>")))


def shape_conditions() -> dict[str, Column]:
    """Reason code to condition over the columns of `with_order`; only odd objects can meet one."""
    fields, texts, lines = F.col("fields"), F.col("texts"), F.col("line_fields")
    is_missing_in_line = _any_line(lambda line, _: _lacks(line, PAYLOAD_LINE.names))
    is_wrong_in_line = _any_line(
        lambda line, texts: line.isNull() | _has_wrong_type(line, texts, PAYLOAD_LINE)
    )
    is_huge_in_line = _any_line(lambda line, texts: _has_huge_number(line, texts, PAYLOAD_LINE))
    is_not_array = fields["lines"].isNotNull() & lines.isNull()
    conditions = {
        "field_missing": _lacks(fields, REQUIRED_FIELDS) | is_missing_in_line,
        "wrong_type": _has_wrong_type(fields, texts, PAYLOAD) | is_not_array | is_wrong_in_line,
        "out_of_range": _has_huge_number(fields, texts, PAYLOAD) | is_huge_in_line,
        # Not even a text, most often seconds or milliseconds.
        "bad_time": ~F.schema_of_variant(fields["ordered_at"]).isin("STRING", "VOID"),
        "line_invalid": is_missing_in_line | is_wrong_in_line | is_huge_in_line,
    }
    # Plain objects skip the work altogether.
    return {code: F.when(fields.isNotNull(), condition) for code, condition in conditions.items()}


def _any_line(condition: Callable[[Column, Column], Column]) -> Column:
    found = F.zip_with("line_fields", "line_texts", condition)
    return F.coalesce(F.exists(found, lambda is_met: is_met), F.lit(False))


def _lacks(fields: Column, names: tuple[str, ...] | list[str]) -> Column:
    return F.coalesce(F.size(F.array_except(_literals(names), F.map_keys(fields))) > 0, F.lit(False))


def _has_wrong_type(fields: Column, texts: Column, struct: T.StructType) -> Column:
    wanted, numbers = _names(struct, T.StringType()), _names(struct, T.LongType())

    def is_no_text(name: Column) -> Column:
        return F.schema_of_variant(fields[name]) != "STRING"

    def is_no_whole_number(name: Column) -> Column:
        is_long = F.schema_of_variant(fields[name]) == "BIGINT"
        return ~is_long & ~_is_huge(fields[name], texts[name])

    return _any_name(wanted, is_no_text) | _any_name(numbers, is_no_whole_number)


def _has_huge_number(fields: Column, texts: Column, struct: T.StructType) -> Column:
    numbers = _names(struct, T.LongType())
    return _any_name(numbers, lambda name: _is_huge(fields[name], texts[name]))


def _is_huge(value: Column, text: Column) -> Column:
    # A whole number beyond 64 bits is a decimal or double to VARIANT, as one with a fraction is: only its
    # text tells them apart.
    is_other_number = F.schema_of_variant(value).rlike("^(DECIMAL|DOUBLE)")
    return F.coalesce(is_other_number & text.rlike(WHOLE_NUMBER), F.lit(False))


def _any_name(names: tuple[str, ...], condition: Callable[[Column], Column]) -> Column:
    return F.coalesce(F.exists(_literals(names), condition), F.lit(False))


def _literals(names: tuple[str, ...] | list[str]) -> Column:
    return F.array(*map(F.lit, names))
