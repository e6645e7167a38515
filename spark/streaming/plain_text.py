"""Which records are written plainly: exactly the contract's fields, each once, without blanks and escapes."""

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import types as T

from lake.schemas.orders import PAYLOAD, PAYLOAD_LINE

TEXT = r'"[^"\\\x00-\x1f]*"'
NATURAL = "(?:0|[1-9][0-9]{0,17})"  # a negative number breaks a rule, or is the zero that Spark writes as 0
LEAP_YEAR = r"(?:[12]\d(?:0[48]|[2468][048]|[13579][26])|(?:1[26]|2[048])00)"
DAY = (
    r"(?:[12]\d{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|"
    rf"(?:0[13578]|1[02])-31)|{LEAP_YEAR}-02-29)"
)
INSTANT = (
    rf'"{DAY}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{{1,6}})?'
    r'(?:Z|[+-](?:0\d|1[0-7]):[0-5]\d)"'
)
NOTHING = r"[^\s\S]"
# Arrow's reader takes its text in blocks of a megabyte, and refuses a record that is longer than one.
MOST_BYTES = 64 * 1024


@cache
def _pattern(known: frozenset[str]) -> str:
    """Matches nothing when the contract demands a field whose rules are not known here."""
    first, *rest = (field for field in PAYLOAD if field.name in known)
    if {field.name for field in (*PAYLOAD, *PAYLOAD_LINE) if not field.nullable} - known:
        return NOTHING
    line = ",".join(f'"{field.name}":{_written(field)}' for field in PAYLOAD_LINE)
    lines = rf"\[\{{{line}\}}(?:,\{{{line}\}})*\]"
    fields = [f'"{first.name}":{_written(first)}']
    for field in rest:
        pair = f',"{field.name}":{lines if field.name == "lines" else _written(field)}'
        fields.append(f"(?:{pair})?" if field.nullable else pair)
    return rf"\A\{{{''.join(fields)}\}}\z"


def _written(field: T.StructField) -> str:
    if field.name == "ordered_at":
        return INSTANT
    return NATURAL if field.dataType == T.LongType() else TEXT


def is_written_plainly(values: pa.Array, known: frozenset[str]) -> pa.Array:
    """
    Of each value whether it is JSON of nothing but the fields that are `known`, whole numbers of at most 18
    digits, and times that there are.
    """
    # As texts without a look: of what matches, the little that is not ASCII is looked at below.
    texts = pa.Array.from_buffers(pa.string(), len(values), values.buffers(), offset=values.offset)
    is_short = pc.less_equal(pc.binary_length(values), MOST_BYTES)
    matches = pc.fill_null(pc.and_(is_short, pc.match_substring_regex(texts, _pattern(known))), False)
    is_ascii = pc.fill_null(pc.string_is_ascii(texts), False)
    doubtful = np.flatnonzero(pc.and_(matches, pc.invert(is_ascii)).to_numpy(zero_copy_only=False))
    if not len(doubtful):
        return matches
    found = matches.to_numpy(zero_copy_only=False).copy()
    for place in doubtful:
        found[place] = _is_utf8(values[place].as_py())
    return pa.array(found)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
