"""
docs/contracts/orders.md for a record that is written plainly; `judging.py` judges all others.

Plain is what msgspec decodes under the contract's types and bounds and would write again byte for byte.
Such a record has no key twice, no unknown field, no decimal for an integer, nothing around its object.
"""

import csv
import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from msgspec import UNSET, DecodeError, Meta, Struct, UnsetType
from msgspec.json import Decoder, encode

REFERENCE = Path(__file__).resolve().parents[3] / "lake" / "reference"
MINUTE, DAY = 60_000_000, 86_400_000_000  # microseconds
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
MAX_BYTES, MAX_LINES, MAX_CHARGE = 1_048_576, 200, 10**13
PLAIN_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}(?:Z|[+-](?:0\d|1[0-7]):[0-5]\d)", re.ASCII
)


def listed(name: str, column: str) -> tuple[str, ...]:
    with (REFERENCE / f"{name}.csv").open(newline="", encoding="utf-8") as rows:
        return tuple(row[column] for row in csv.DictReader(rows))


LISTS = {
    "region": listed("regions", "region"),
    "country": listed("countries", "country"),
    "channel": ("web", "mobile", "store", "marketplace"),
    "payment_method": ("card", "paypal", "transfer", "gift_card", "cash"),
    "currency": ("USD",),
}
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Charge = Annotated[int, Meta(ge=0, le=MAX_CHARGE)]


class Line(Struct, gc=False):
    line_no: Annotated[int, Meta(ge=1, le=2_147_483_647)]
    product_id: Id
    product_name: Annotated[str, Meta(max_length=200)]
    category: Annotated[str, Meta(max_length=100)]
    quantity: Annotated[int, Meta(ge=1, le=10_000)]
    unit_price_cents: Annotated[int, Meta(ge=0, le=100_000_000)]
    discount_cents: Annotated[int, Meta(ge=0, le=10**12)]


class Order(Struct, gc=False, kw_only=True):
    schema_version: Literal[1]
    event_id: Id
    order_id: Id
    ordered_at: str
    customer_id: Id
    customer_email: str | UnsetType = UNSET
    region: Literal[LISTS["region"]]  # type: ignore[valid-type]
    country: Literal[LISTS["country"]]  # type: ignore[valid-type]
    channel: Literal[LISTS["channel"]]  # type: ignore[valid-type]
    payment_method: Literal[LISTS["payment_method"]]  # type: ignore[valid-type]
    currency: Literal[LISTS["currency"]]  # type: ignore[valid-type]
    lines: Annotated[list[Line], Meta(min_length=1, max_length=MAX_LINES)]
    shipping_cents: Charge
    tax_cents: Charge
    total_cents: Annotated[int, Meta(ge=0)]


class Judged(NamedTuple):
    """An order that follows the contract by its own record; `content` tells a repeat from a contradiction."""

    order: Order
    ordered_at: int  # microseconds since 1970
    content: bytes
    rescued: str | None


decode = Decoder(Order).decode


def content_of(order: Order, ordered_at: int) -> bytes:
    """What the order says, however it was written: 16 bytes that are the same for a repeat of it."""
    order.ordered_at = str(ordered_at)
    # The two fields before it may differ between repeats.
    said = encode(order).partition(b'"order_id":')[2]
    return blake2b(said, digest_size=16).digest()


def judge_plain(value: bytes, arrived_at: int) -> Judged | None:
    """The order, or None: then the record breaks a rule or is written in another way."""
    try:
        order = decode(value)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if encode(order) != value or len(value) > MAX_BYTES or b"\\u0000" in value:
        return None
    if not PLAIN_TIME.fullmatch(order.ordered_at) or not _adds_up(order):
        return None
    try:
        ordered_at = (datetime.fromisoformat(order.ordered_at) - EPOCH) // MICROSECOND
    except (ValueError, OverflowError):
        return None
    if not arrived_at - 400 * DAY <= ordered_at <= arrived_at + 5 * MINUTE:
        return None
    return Judged(order, ordered_at, content_of(order, ordered_at), None)


def _adds_up(order: Order) -> bool:
    """The lines are numbered as they stand, no discount is above its line, the total is their sum."""
    total = order.shipping_cents + order.tax_cents
    for number, line in enumerate(order.lines, 1):
        gross = line.quantity * line.unit_price_cents
        if line.line_no != number or line.discount_cents > gross:
            return False
        total += gross - line.discount_cents
    return total == order.total_cents
