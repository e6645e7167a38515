"""
The contract's rules for one record in plain Python, for records that are not plainly good orders.

The rules of the lake are those in `spark/transforms/`; this is a short cut to the same verdict, for which a
test holds the two against each other. What is not certain is left to them. Of a record that is not accepted
only what silver.rejected keeps is read: its reasons, and what it claims as order_id and total_cents.
"""

import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from pyspark.sql.types import VariantVal

from lake import contract
from lake.schemas.orders import ORDER, PAYLOAD, PAYLOAD_LINE
from spark.streaming.json_object import Number, Object, Uncertain, parts_of, read_object
from spark.streaming.plain_orders import CHARGES, IDS, KNOWN, OrderTerms
from spark.transforms.orders import NOT_CONTENT

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
CONTENT = [name for name in ORDER.names if name not in NOT_CONTENT]
# With a field that came to the contract since, Spark's rules are asked about every object.
IS_KNOWN = {*PAYLOAD.names, *PAYLOAD_LINE.names} == KNOWN and not contract.FIELDS_SINCE


@dataclass(slots=True)
class Judgement:
    """What `judged_orders` says of a record, as far as anybody asks."""

    reasons: set[str]
    order: dict[str, Any] = field(default_factory=dict)  # columns of ORDER; `ordered_at` in microseconds
    rescued: VariantVal | None = None
    unknown_fields: list[str] | None = None
    is_late: bool = False
    order_hash: str | None = None


def judge(value: bytes | None, arrived: int, terms: OrderTerms) -> Judgement:
    """
    Judge a record by the contract alone.

    Args:
        arrived: when, by the broker's clock, in microseconds since 1970.

    Raises:
        Uncertain: it takes Spark's rules to say.
    """
    fields, reasons = read_object(value)
    if fields is None:
        return Judgement(set(reasons))
    if reasons:
        return Judgement(set(reasons), _lenient_claim(fields))
    if not IS_KNOWN:
        raise Uncertain
    order = _Order(fields)
    order.judge(arrived, terms)
    if order.reasons:
        return Judgement(order.reasons, order.claim)
    return _good(order, arrived, terms)


def _lenient_claim(fields: Object) -> dict[str, Any]:
    """What `from_json` reads in the first object of a text, which makes numbers texts and the like."""
    claim = _Fields(fields)
    found = {"order_id": claim.text("order_id"), "total_cents": claim.whole("total_cents")}
    if any(value is None and name in fields for name, value in found.items()):
        raise Uncertain
    return found


class _Fields:
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


class _Line(_Fields):
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


class _Order(_Fields):
    ordered_at: int | None = None
    lines: tuple[_Line, ...] | None = None

    @property
    def claim(self) -> dict[str, Any]:
        apart = _Fields(self.fields)
        return {"order_id": apart.text("order_id"), "total_cents": apart.whole("total_cents")}

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
        self.lines = tuple(_Line(line if isinstance(line, dict) else {}) for line in written)
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


def _good(order: _Order, arrived: int, terms: OrderTerms) -> Judgement:
    fields, lines = order.fields, order.lines or ()
    written = [{name: _plain(line.fields[name]) for name in PAYLOAD_LINE.names} for line in lines]
    email = fields.get("customer_email")
    kept = {
        **{name: _plain(fields[name]) for name in REQUIRED},
        "ordered_at": order.ordered_at,
        "lines": sorted(written, key=lambda line: int(line["line_no"])),
    }
    if email is not None:
        kept["customer_email_hmac"] = hmac.new(terms.email_key, email.encode(), sha256).hexdigest()
    content = {name: kept[name] for name in CONTENT if name in kept}
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    rescued = _rescued(order)
    return Judgement(
        set(),
        kept,
        None if rescued is None else VariantVal.parseJson(json.dumps(rescued)),
        None if rescued is None else _names_of(rescued),
        arrived - (order.ordered_at or 0) > terms.late_after_minutes * MINUTE,
        sha256(text.encode()).hexdigest(),
    )


def _rescued(order: _Order) -> Object | None:
    unknown = {name: _plain(value) for name, value in order.fields.items() if name not in PAYLOAD.names}
    of_lines = [
        {name: _plain(value) for name, value in line.fields.items() if name not in PAYLOAD_LINE.names}
        for line in order.lines or ()
    ]
    return {**unknown, **({"lines": of_lines} if any(of_lines) else {})} or None


def _plain(value: Any) -> Any:
    """
    The value with its numbers as Python has them.

    Raises:
        Uncertain: a number is not whole, or a name is one that others sort in another way.
    """
    if isinstance(value, Number):
        if value.whole is None or not LEAST <= value.whole <= MOST:
            raise Uncertain
        return value.whole
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value


def _names_of(rescued: Object) -> list[str]:
    in_lines = dict.fromkeys(f"lines.{name}" for line in rescued.get("lines", ()) for name in line)
    return [*(name for name in rescued if name != "lines"), *in_lines]
