"""
From the bytes of a Kafka value to a JSON object, or to the reasons why it is none.

Spark's `from_json` alone lets damage pass: it takes the first of two joined objects, the last of two equal
keys, U+FFFD for bytes that are not UTF-8, and a number for a text. So the strict VARIANT parser decides
what is JSON and `schema_of_variant` tells what type each value was written as.
"""

import pyspark.sql.functions as F
from pyspark.sql import Column, DataFrame

from lake.contract import MAX_NESTING, MAX_RECORD_BYTES

STRICT = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
BLANKS = " \t\r\n"
# Without a measure of ours the parser takes 1,000 levels, of which `schema_of_variant` overflows its stack.
MEASURED = {**STRICT, "maxNestingDepth": str(MAX_NESTING)}
MEASURED_IN_FRAME = {**STRICT, "maxNestingDepth": str(MAX_NESTING + 1)}
# Escapes of a pair's first half without the second, or of the second without the first.
HALF_SURROGATE = r"\\u[dD][89abAB]\w\w(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]\w\w)\\u[dD][c-fC-F]"


def with_text(records: DataFrame) -> DataFrame:
    """
    Add what the value is as text.

    Args:
        records: `value binary` and anything else.

    Returns:
        The same rows plus `text`, NULL unless UTF-8 of an acceptable size.
    """
    is_text = ~_is_too_large() & _is_utf8()
    return records.withColumn("text", F.when(is_text, F.col("value").cast("string")))


def with_document(texts: DataFrame, *, known: Column) -> DataFrame:
    """
    Add what the text is as JSON.

    Args:
        texts: columns of `with_text`, and `value`.
        known: true where the text is known to be exactly one JSON object: there is nothing to find out.

    Returns:
        The same rows plus `document variant` (NULL unless the text is exactly one JSON value), `shape` (its
        type as `schema_of_variant` writes it), both NULL where it is known, and `text_reasons array<string>`
        (empty when there is a document, or it is known).
    """
    return (
        texts.withColumn("_framed", F.when(~known, _in_frame(F.col("text"))))
        .withColumn("document", F.when(_is_whole(), F.try_variant_get("_framed", "$[0]", "variant")))
        .withColumn("shape", F.schema_of_variant("document"))
        .withColumn("text_reasons", _text_reasons(known))
        .drop("_framed")
    )


def _is_too_large() -> Column:
    return F.coalesce(F.octet_length("value") > MAX_RECORD_BYTES, F.lit(False))


def _is_utf8() -> Column:
    return F.coalesce(F.is_valid_utf8(F.col("value").cast("string")), F.lit(True))


def _in_frame(text: Column) -> Column:
    # The parser ignores what follows a complete value. Inside an array nothing can follow, except after a
    # "]" of the text's own; the hash as last element shows that the array's end is ours.
    framed = F.concat(F.lit("["), text, F.lit(","), F.xxhash64(text).cast("string"), F.lit("]"))
    return F.from_json(framed, "variant", MEASURED_IN_FRAME)


def _is_whole() -> Column:
    last = F.try_variant_get("_framed", "$[1]", "bigint")
    beyond = F.try_variant_get("_framed", "$[2]", "variant")
    return F.coalesce((last == F.xxhash64("text")) & beyond.isNull(), F.lit(False))


def _text_reasons(known: Column) -> Column:
    text = F.col("text")
    trimmed = F.btrim(text, F.lit(BLANKS))
    is_blank = F.coalesce(trimmed == "", F.lit(True))
    return (
        F.when(known | F.col("document").isNotNull(), _codes())
        .when(_is_too_large(), _codes("too_large"))
        .when(~_is_utf8(), _codes("not_utf8"))
        .when(is_blank, _codes("empty"))
        .when(trimmed.startswith("{"), _reasons_of_broken_object(text))
        .when(_is_array_with_repeated_key(text), _codes("duplicate_key", "not_object"))
        .otherwise(_codes("not_json"))
    )


def _reasons_of_broken_object(text: Column) -> Column:
    # The VARIANT parser stops at the first value's end, so success here means that the rest was the trouble.
    is_value_with_rest = F.from_json(text, "variant", MEASURED).isNotNull()
    is_repeated_key = _is_lenient_json(text, MEASURED) & ~_has_half_surrogate(text)
    elements = _values_in(text)
    is_followed = elements.isNull() | (elements > 1)
    return (
        F.when(F.col("_framed").isNotNull() | is_value_with_rest, _codes("trailing_data"))
        .when(is_repeated_key & is_followed, _codes("trailing_data", "duplicate_key"))
        .when(is_repeated_key, _codes("duplicate_key"))
        .otherwise(_codes("not_json"))
    )


def _is_array_with_repeated_key(text: Column) -> Column:
    inside_object = F.concat(F.lit('{"array":'), text, F.lit("}"))
    return (
        (_values_in(text) == 1)
        & _is_lenient_json(inside_object, MEASURED_IN_FRAME)
        & ~_has_half_surrogate(text)
    )


def _values_in(text: Column) -> Column:
    """How many JSON values stand there, with commas between them; NULL where it is something else."""
    return F.json_array_length(F.concat(F.lit("["), text, F.lit("]")))


def _is_lenient_json(text: Column, options: dict[str, str]) -> Column:
    """Whether it begins with an object that only the VARIANT parser can find something wrong with."""
    corrupt = {**options, "columnNameOfCorruptRecord": "_corrupt"}
    return F.from_json(text, "_corrupt string", corrupt)["_corrupt"].isNull()


def _has_half_surrogate(text: Column) -> Column:
    # It fails in the VARIANT parser only, as a repeated key does. What follows the first value is left out.
    first_value = F.get_json_object(text, "$")
    return F.replace(first_value, F.lit("\\\\")).rlike(HALF_SURROGATE)


def _codes(*reasons: str) -> Column:
    return F.array(*map(F.lit, reasons)).cast("array<string>")
