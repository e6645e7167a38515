"""Judged records as Arrow rows: the columns of `judged_orders`, however a record was judged."""

from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.pandas.types import to_arrow_schema

from lake.schemas.orders import KAFKA_RECORD, ORDER

VARIANT_PARTS = ("metadata", "value")
# In the form Delta keeps it in Parquet.
VARIANT = pa.struct([pa.field(part, pa.binary(), nullable=False) for part in VARIANT_PARTS])
TEXTS = pa.list_(pa.string())


@cache
def judged_schema() -> pa.Schema:
    """Columns of `judged_orders`, and `unknown_fields`: the names in `rescued` of a good order."""
    declared = (to_arrow_schema(struct, timezone="UTC") for struct in (KAFKA_RECORD, ORDER))
    fields = [field.with_nullable(True) for schema in declared for field in schema]
    added = {"reasons": TEXTS, "rescued": VARIANT, "is_late": pa.bool_(), "order_hash": pa.string()}
    return pa.schema([*fields, *(pa.field(*one) for one in added.items()), pa.field("unknown_fields", TEXTS)])


def as_variants(lists: pa.ListArray) -> pa.StructArray:
    """Lists of one VARIANT or none as nullable VARIANTs."""
    is_there = pc.equal(pc.list_value_length(lists), 1)
    values = lists.flatten()
    # Both parts are declared to be there always, so a NULL has empty ones, after all the others.
    place = pc.if_else(is_there, pc.subtract(pc.cumulative_sum(is_there.cast(pa.int64())), 1), len(values))
    empty = pa.array([b""], pa.binary())
    parts = [pa.concat_arrays([values.field(part), empty]).take(place) for part in VARIANT_PARTS]
    return pa.StructArray.from_arrays(parts, fields=list(VARIANT), mask=pc.invert(is_there))


def without_reasons(plain: pa.Table) -> pa.Table:
    """Rows of good orders that have no unknown field."""
    count = plain.num_rows
    nothing = {
        "rescued": as_variants(pa.array([[]] * count, pa.list_(VARIANT))),
        "unknown_fields": pa.nulls(count, TEXTS),
        "reasons": pa.array([[]] * count, TEXTS),
    }
    for name, column in nothing.items():
        plain = plain.append_column(name, column)
    return plain.select(judged_schema().names).cast(judged_schema())
