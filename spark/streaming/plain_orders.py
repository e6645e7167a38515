"""
Judges, in this process, the records that are plainly good orders. All others are "odd": `judging.py` says who
judges them.

Nearly every record is a good order written without blanks, in the contract's order of fields, and without
escapes. One regular expression, which RE2 matches in one pass, tells these: what it matches is JSON, has
every field once and no other one, and whole numbers of at most 18 digits. What is left to ask are values.
Nothing is rejected here, and a record of which anything is uncertain is not taken: the contract's rules are
in `spark/transforms/`, these are a short cut, and a test holds the two against each other.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from io import BytesIO
from operator import and_
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from pyspark.sql.pandas.types import to_arrow_schema

from lake import contract
from lake.schemas.orders import ORDER, PAYLOAD, PAYLOAD_LINE
from spark.streaming.columns import values_of
from spark.streaming.plain_text import is_written_plainly
from spark.transforms.orders import AS_WRITTEN, NOT_CONTENT

# What is judged here. A record with a field that came to the contract since is left to Spark, whatever it is.
IDS, CHARGES = ("event_id", "order_id", "customer_id"), ("shipping_cents", "tax_cents")
LISTED = ("schema_version", "region", "country", "channel", "payment_method", "currency")
LINE_TEXTS = ("product_id", "product_name", "category")
LINE_NUMBERS = ("line_no", "quantity", "unit_price_cents", "discount_cents")
ANY_TEXT = ("customer_email",)
KNOWN = frozenset(
    {*IDS, *CHARGES, *LISTED, *LINE_TEXTS, *LINE_NUMBERS, *ANY_TEXT, "ordered_at", "lines", "total_cents"}
)
MICROSECONDS = pa.timestamp("us", "UTC")
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What an order is judged by beside the contract."""

    reporting_currency: str
    late_after_minutes: int
    email_key: bytes


def plain_orders(records: pa.Table, terms: OrderTerms) -> tuple[pa.Table, pa.Array]:
    """
    Take the records that are plainly good orders.

    Args:
        records: columns of KAFKA_RECORD.

    Returns:
        Those records with the columns that `judged_orders` would add to them, but for `reasons` and
        `rescued`, of which they have none; and of every record whether it is among them.
    """
    is_plain = is_written_plainly(records["value"].combine_chunks(), KNOWN)
    written = records.filter(is_plain)
    if not written.num_rows:
        return _with_judgement(written, parsed_orders([]), terms), is_plain
    values = values_of(written["value"])
    orders = parsed_orders(values)
    is_good = _is_good(orders, written["kafka_timestamp"], terms)
    places = np.flatnonzero(is_plain.to_numpy(zero_copy_only=False))[is_good]
    taken = np.zeros(records.num_rows, bool)
    taken[places] = True
    good = pa.array(is_good)
    return _with_judgement(written.filter(good), orders.filter(good), terms), pa.array(taken)


def parsed_orders(values: list[bytes]) -> pa.Table:
    """
    Columns of PAYLOAD; `ordered_at` a time.

    Args:
        values: written plainly, each of them: of others Arrow's reader ends the process.
    """
    schema = to_arrow_schema(PAYLOAD)
    if not values:
        orders = schema.empty_table()
    else:
        options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
        orders = pj.read_json(BytesIO(b"\n".join(values)), parse_options=options).combine_chunks()
    place = schema.names.index("ordered_at")
    return orders.set_column(place, "ordered_at", orders["ordered_at"].cast(MICROSECONDS))


def _is_good(orders: pa.Table, arrived: pa.ChunkedArray, terms: OrderTerms) -> Flags:
    lists = (contract.SCHEMA_VERSIONS, contract.REGIONS, contract.COUNTRIES, contract.CHANNELS,
             contract.PAYMENT_METHODS, (terms.reporting_currency,))  # fmt: skip
    closed_lists: dict[str, Sequence[Any]] = dict(zip(LISTED, lists, strict=True))
    age = _age_microseconds(orders, arrived)
    conditions = [
        *(pc.is_in(orders[name], pa.array(known, orders[name].type)) for name, known in closed_lists.items()),
        *(_has_length(orders[name], 1, contract.ID_MAX_CHARACTERS) for name in IDS),
        *(pc.less_equal(orders[name], contract.MAX_CHARGE_CENTS) for name in CHARGES),
        pc.greater_equal(age, -contract.MAX_FUTURE_MINUTES * 60_000_000),
        pc.less_equal(age, contract.MAX_AGE_DAYS * 86_400_000_000),
    ]  # fmt: skip
    known = [pc.fill_null(one, False).to_numpy() for one in conditions]
    return reduce(and_, known) & _has_good_lines(orders)


def _age_microseconds(orders: pa.Table, arrived: pa.ChunkedArray) -> pa.ChunkedArray:
    """How long after it was placed an order arrived."""
    return pc.subtract(arrived.cast(pa.int64()), orders["ordered_at"].cast(pa.int64()))


def _has_length(texts: pa.ChunkedArray, least: int, most: int) -> pa.ChunkedArray:
    length = pc.utf8_length(texts)
    return pc.and_(pc.greater_equal(length, least), pc.less_equal(length, most))


def _has_good_lines(orders: pa.Table) -> Flags:
    """Each line keeps the rules, they are numbered upwards, and the total is their sum and the charges."""
    nested = orders["lines"].combine_chunks()
    parent = pc.list_parent_indices(nested).to_numpy()
    fields = pc.list_flatten(nested)
    line = {name: pc.struct_field(fields, name) for name in PAYLOAD_LINE.names}
    number, quantity, price, discount = (line[name].to_numpy() for name in LINE_NUMBERS)
    texts = (
        _has_length(line["product_id"], 1, contract.ID_MAX_CHARACTERS),
        _has_length(line["product_name"], 0, contract.PRODUCT_NAME_MAX_CHARACTERS),
        _has_length(line["category"], 0, contract.CATEGORY_MAX_CHARACTERS),
    )
    in_range = (
        (number >= 1) & (number <= contract.MAX_LINE_NO)
        & (quantity >= 1) & (quantity <= contract.MAX_QUANTITY)
        & (price <= contract.MAX_UNIT_PRICE_CENTS)
    )  # fmt: skip
    # Of lines out of range the product may leave 64 bits; they are not good whatever comes out.
    gross = quantity * price
    follows = np.append(False, (parent[1:] == parent[:-1]) & (number[1:] <= number[:-1]))
    is_good = reduce(and_, (one.to_numpy(zero_copy_only=False) for one in texts)) & in_range
    is_good &= (discount <= gross) & ~follows
    starts = nested.offsets.to_numpy()[:-1] - nested.offsets[0].as_py()
    goods = np.add.reduceat(gross - discount, starts)
    charges = orders["shipping_cents"].to_numpy() + orders["tax_cents"].to_numpy()
    counts = pc.list_value_length(nested).to_numpy()
    return (
        np.logical_and.reduceat(is_good, starts)
        & (counts <= contract.MAX_LINES)
        & (goods + charges == orders["total_cents"].to_numpy())
    )


def _with_judgement(records: pa.Table, orders: pa.Table, terms: OrderTerms) -> pa.Table:
    silver = to_arrow_schema(ORDER, timezone="UTC")
    emails = values_of(orders["customer_email"])
    keyed = hmac.new(terms.email_key, digestmod="sha256")
    hmacs = [None if email is None else _hmac(email, keyed) for email in emails]
    orders = orders.append_column("customer_email_hmac", pa.array(hmacs, pa.string()))
    for field in silver:
        records = records.append_column(field.name, orders[field.name].cast(field.type))
    late_after = terms.late_after_minutes * 60_000_000
    age = _age_microseconds(orders, records["kafka_timestamp"])
    return records.append_column("is_late", pc.greater(age, late_after)).append_column(
        "order_hash", pa.array(_content_hashes(records, orders), pa.string())
    )


def _hmac(text: str, keyed: hmac.HMAC) -> str:
    ours = keyed.copy()  # half as dear as to begin with the key each time
    ours.update(text.encode())
    return ours.hexdigest()


CONTENT = [name for name in ORDER.names if name not in NOT_CONTENT]
# From here on an order's content is, letter for letter, the end of its record.
TAIL = next(n for n in range(len(CONTENT)) if set(CONTENT[n:]) <= {*AS_WRITTEN, "lines"})


def _content_hashes(records: pa.Table, orders: pa.Table) -> list[str]:
    """SHA-256 of the content as `judged_orders` writes it: a JSON object without the fields that are NULL."""
    pieces = []
    for name in CONTENT[:TAIL]:
        column = orders[name]
        if name == "ordered_at":
            written = column.cast(pa.int64()).cast(pa.string())
            pieces.append(pc.binary_join_element_wise(f'"{name}":', written, ",", ""))
        else:
            pieces.append(pc.fill_null(pc.binary_join_element_wise(f'"{name}":"', column, '",', ""), ""))
    heads = values_of(pc.binary_join_element_wise("{", *pieces, "").cast(pa.binary()))
    begins = f'"{CONTENT[TAIL]}":'.encode()
    return [
        sha256(head + value[value.index(begins) :]).hexdigest()
        for head, value in zip(heads, values_of(records["value"]), strict=True)
    ]
