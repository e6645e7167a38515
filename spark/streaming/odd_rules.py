"""
The contract's rules for one order in plain Python, over what `json_object.py` reads: which reasons speak
against it. Source: docs/contracts/orders.md. What is not certain is left to Spark's rules (`Uncertain`).
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from lake import contract
from lake.schemas.orders import PAYLOAD, PAYLOAD_LINE
from spark.streaming.json_object import Number, Object, Uncertain, parts_of
from spark.streaming.plain_orders import CHARGES, IDS, OrderTerms

LEAST, MOST = -(2**63), 2**63 - 1
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
MINUTE, DAY = 60_000_000, 86_400_000_000
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-](\d\d):(\d\d))", re.ASCII)
CLOSED_LISTS = {
    "region": frozenset(contract.REGIONS),
    "country": frozenset(contract.COUNTRIES),
    "channel": frozenset(contract.CHANNELS),
    "payment_method": frozenset(contract.PAYMENT_METHODS),
}
LINE_TEXTS = {
    "product_id": (1, contract.ID_MAX_CHARACTERS),
    "product_name": (0, contract.PRODUCT_NAME_MAX_CHARACTERS),
    "category": (0, contract.CATEGORY_MAX_CHARACTERS),
}
LINE_NUMBERS = {
    "line_no": (1, contract.MAX_LINE_NO),
    "quantity": (1, contract.MAX_QUANTITY),
    "unit_price_cents": (0, contract.MAX_UNIT_PRICE_CENTS),
    "discount_cents": (0, MOST),
}
REQUIRED = [each.name for each in PAYLOAD if not each.nullable]


class Fields:
    """An object of the record, and the reasons found in it so far."""

    def __init__(self, fields: Object) -> None:
        self.fields, self.reasons = fields, set[str]()

    def require(self, names: Iterable[str]) -> None:
        if any(name not in self.fields for name in names):
            self.reasons.add("field_missing")

    def text(self, name: str, least: int = 0, most: int = MOST) -> str | None:
        """The text, if it is there as one."""
        value = self.fields.get(name)
        if isinstance(value, str):
            self._check(least <= len(value) <= most)
            return value
        if name in self.fields:
            self.reasons.add("wrong_type")
        return None

    def whole(self, name: str, least: int = LEAST, most: int = MOST) -> int | None:
        """The whole number, if it is there as one of 64 bits."""
        value = self.fields.get(name)
        number = value.whole if isinstance(value, Number) else None
        if number is not None:
            self._check(least <= number <= most)
            return number if LEAST <= number <= MOST else None
        if name in self.fields:
            self.reasons.add("wrong_type")
        return None

    def _check(self, is_in_range: bool) -> None:
        if not is_in_range:
            self.reasons.add("out_of_range")


def claim_of(fields: Object) -> dict[str, Any]:
    """What is kept of a rejected record beside its reasons. What has another type is no claim."""
    claim = Fields(fields)
    return {"order_id": claim.text("order_id"), "total_cents": claim.whole("total_cents")}


class LineFields(Fields):
    line_no: int | None = None
    net: int | None = None  # cents, when all of it is there

    def judge(self) -> None:
        self.require(PAYLOAD_LINE.names)
        for name, bounds in LINE_TEXTS.items():
            self.text(name, *bounds)
        numbers = {name: self.whole(name, *bounds) for name, bounds in LINE_NUMBERS.items()}
        self.line_no, quantity, price, discount = numbers.values()
        if quantity is None or price is None or discount is None:
            return
        gross = quantity * price
        self.net = gross - discount
        if not (LEAST <= gross <= MOST and LEAST <= self.net <= MOST):
            raise Uncertain
        self._check(discount <= gross)


class OrderFields(Fields):
    ordered_at: int | None = None
    lines: tuple[LineFields, ...] | None = None

    def judge(self, arrived: int, terms: OrderTerms) -> None:
        self.require(REQUIRED)
        if self.whole("schema_version") not in (None, *contract.SCHEMA_VERSIONS):
            self.reasons.add("schema_version_unknown")
        for name in IDS:
            self.text(name, 1, contract.ID_MAX_CHARACTERS)
        self.text("customer_email")
        known = [(self.text(name), values) for name, values in CLOSED_LISTS.items()]
        if any(value is not None and value not in values for value, values in known):
            self.reasons.add("value_unknown")
        if self.text("currency") not in (None, terms.reporting_currency):
            self.reasons.add("currency_unsupported")
        if any("\0" in text for text in parts_of(self.fields) if isinstance(text, str)):
            self.reasons.add("nul_character")
        self._judge_time(arrived)
        self._judge_lines()
        self._judge_total()

    def _judge_time(self, arrived: int) -> None:
        written = self.text("ordered_at")
        if written is not None:
            self.ordered_at = _instant(written)
        if self.ordered_at is None:
            if self.fields.get("ordered_at") is not None:
                self.reasons.add("bad_time")
        elif self.ordered_at > arrived + contract.MAX_FUTURE_MINUTES * MINUTE:
            self.reasons.add("future_time")
        elif self.ordered_at < arrived - contract.MAX_AGE_DAYS * DAY:
            self.reasons.add("too_old")

    def _judge_lines(self) -> None:
        written = self.fields.get("lines")
        if not isinstance(written, list):
            if "lines" in self.fields:
                self.reasons.add("wrong_type")
            return
        self.lines = tuple(LineFields(line if isinstance(line, dict) else {}) for line in written)
        for line, value in zip(self.lines, written, strict=True):
            line.judge()
            found = line.reasons if isinstance(value, dict) else {"wrong_type"}
            self.reasons |= found | {"line_invalid"} if found else set()
        if not 1 <= len(written) <= contract.MAX_LINES:
            self.reasons |= {"out_of_range", "line_invalid"}
        numbers = [line.line_no for line in self.lines if line.line_no is not None]
        if len(set(numbers)) < len(numbers):
            self.reasons.add("line_invalid")

    def _judge_total(self) -> None:
        charges = [self.whole(name, 0, contract.MAX_CHARGE_CENTS) for name in CHARGES]
        total = self.whole("total_cents", 0)
        parts = [*(line.net for line in self.lines or ()), *charges]
        if self.lines is None or total is None or None in parts:
            return
        summed = 0
        for part in parts:
            summed += part or 0
            if not LEAST <= summed <= MOST:
                return
        if summed != total:
            self.reasons.add("total_mismatch")


def _instant(written: str) -> int | None:
    """Microseconds since 1970 of an RFC 3339 time; None where there is no such time."""
    found = TIME.fullmatch(written)
    if not found:
        return None
    if written.startswith("0000"):
        raise Uncertain  # a year that Python does not have
    try:
        moment = datetime.fromisoformat(written.upper())
    except ValueError:
        return None
    hours, minutes = (int(part or 0) for part in found.groups())
    if hours * 60 + minutes > 18 * 60 or minutes > 59:
        return None
    # A subtraction, because a moment of the first or last day of all years may not be shifted to UTC.
    away = moment.utcoffset() or timedelta()
    return (moment.replace(tzinfo=UTC) - EPOCH - away) // MICROSECOND
