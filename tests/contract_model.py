"""
The contract of `orders.v1` in plain Python, written from docs/contracts/orders.md alone.

It shares no code with the stream's rules, so that what one of the two misreads the other tells.
"""

import csv
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tests.rfc_3339 import instant
from tests.strict_json import Broken, Number, deep_enough, plain, read_object, texts_of

MINUTE, DAY = 60_000_000, 86_400_000_000  # microseconds
LEAST, MOST = -(2**63), 2**63 - 1
REFERENCE = Path(__file__).parents[1] / "lake" / "reference"

IDS = ("event_id", "order_id", "customer_id")
CHARGES = ("shipping_cents", "tax_cents")
LINE_TEXTS = {"product_id": (1, 64), "product_name": (0, 200), "category": (0, 100)}
LINE_NUMBERS = {
    "line_no": (1, 2_147_483_647),
    "quantity": (1, 10_000),
    "unit_price_cents": (0, 100_000_000),
    "discount_cents": (0, MOST),
}
LINE_FIELDS = ("line_no", *LINE_TEXTS, "quantity", "unit_price_cents", "discount_cents")
REPORTING_CURRENCY, LATE_AFTER = "USD", 60 * MINUTE


def _listed(name: str, column: str) -> frozenset[str]:
    with (REFERENCE / f"{name}.csv").open(newline="", encoding="utf-8") as rows:
        return frozenset(row[column] for row in csv.DictReader(rows))


LISTS = {
    "region": _listed("regions", "region"),
    "country": _listed("countries", "country"),
    "channel": {"web", "mobile", "store", "marketplace"},
    "payment_method": {"card", "paypal", "transfer", "gift_card", "cash"},
}
FIELDS = ("schema_version", *IDS, "ordered_at", "customer_email", *LISTS, "currency", "lines", *CHARGES,
          "total_cents")  # fmt: skip


class Record(NamedTuple):
    value: bytes | None
    arrived_at: datetime


class Verdict(NamedTuple):
    """`order` is what silver must hold of an accepted order, by its columns; times in microseconds."""

    disposition: str | None
    reasons: frozenset[str]
    order: dict[str, Any] | None


def judge_all(records: Iterable[Record], *, email_key: bytes) -> list[Verdict]:
    """Every record, in the order of their arrival: the first good one of an order is the order."""
    accepted: dict[str, dict[str, Any]] = {}
    verdicts = []
    for record in records:
        order, reasons = judge(record, email_key=email_key)
        verdicts.append(_in_order(order, reasons, accepted))
    return verdicts


def _in_order(
    order: dict[str, Any] | None, reasons: set[str], accepted: dict[str, dict[str, Any]]
) -> Verdict:
    if order is None:
        return Verdict("quarantined", frozenset(reasons), None)
    first = accepted.setdefault(order["order_id"], order)
    if first is order:
        return Verdict(None, frozenset(), order)
    if _content(first) == _content(order):
        return Verdict("duplicate", frozenset(), None)
    return Verdict("quarantined", frozenset({"order_conflict"}), None)


def _content(order: dict[str, Any]) -> dict[str, Any]:
    apart = ("event_id", "schema_version", "rescued", "is_late")
    return {name: value for name, value in order.items() if name not in apart}


def judge(record: Record, *, email_key: bytes) -> tuple[dict[str, Any] | None, set[str]]:
    """The order as silver keeps it, or None and the reasons why there is none, by this record alone."""
    try:
        fields = read_object(record.value)
    except Broken as broken:
        return None, broken.reasons
    order, arrived_at = _Order(fields), _microseconds(record.arrived_at)
    order.judge(arrived_at)
    if order.reasons:
        return None, order.reasons
    with deep_enough():
        return _silver(fields, order, arrived_at, email_key), set()


class _Fields:
    """An object of the record, and the reasons found in it so far."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields, self.reasons = fields, set[str]()

    def require(self, names: Iterable[str]) -> None:
        if any(name not in self.fields for name in names):
            self.reasons.add("field_missing")

    def text(self, name: str, least: int = 0, most: int = MOST) -> str | None:
        """The text, if it is there as one."""
        value = self.fields.get(name)
        if name in self.fields and not isinstance(value, str):
            self.reasons.add("wrong_type")
        if not isinstance(value, str):
            return None
        if not least <= len(value) <= most:
            self.reasons.add("out_of_range")
        return value

    def integer(self, name: str, least: int = LEAST, most: int = MOST) -> int | None:
        """The integer, if it is there as one of 64 bits."""
        value = self.fields.get(name)
        is_integer = isinstance(value, Number) and value.is_integer
        if name in self.fields and not is_integer:
            self.reasons.add("wrong_type")
        if not is_integer:
            return None
        number = int(value.written)
        if not least <= number <= most:
            self.reasons.add("out_of_range")
        return number if LEAST <= number <= MOST else None


class _Line(_Fields):
    def judge(self) -> None:
        self.require(LINE_FIELDS)
        for name, (least, most) in LINE_TEXTS.items():
            self.text(name, least, most)
        numbers = {name: self.integer(name, *bounds) for name, bounds in LINE_NUMBERS.items()}
        self.line_no, quantity, price, discount = numbers.values()
        self.gross = None if None in (quantity, price) else quantity * price
        self.discount = discount
        if None not in (self.gross, discount) and discount > self.gross:
            self.reasons.add("out_of_range")


class _Order(_Fields):
    lines: tuple[_Line, ...] | None = None
    ordered_at: int | None = None

    def judge(self, arrived_at: int) -> None:
        self.require(name for name in FIELDS if name != "customer_email")
        version = self.integer("schema_version")
        if version not in (None, 1):
            self.reasons.add("schema_version_unknown")
        for name in IDS:
            self.text(name, 1, 64)
        self.text("customer_email")
        if [name for name, values in LISTS.items() if self.text(name) not in (None, *values)]:
            self.reasons.add("value_unknown")
        if self.text("currency") not in (None, REPORTING_CURRENCY):
            self.reasons.add("currency_unsupported")
        if any("\0" in text for text in texts_of(self.fields)):
            self.reasons.add("nul_character")
        self._judge_time(arrived_at)
        self._judge_lines()
        self._judge_total()

    def _judge_time(self, arrived_at: int) -> None:
        written = self.text("ordered_at")
        if written is None:
            # A number is no time either; of null and of an absent field only that is said.
            if self.fields.get("ordered_at") is not None:
                self.reasons.add("bad_time")
            return
        self.ordered_at = instant(written)
        if self.ordered_at is None:
            self.reasons.add("bad_time")
        elif self.ordered_at > arrived_at + 5 * MINUTE:
            self.reasons.add("future_time")
        elif self.ordered_at < arrived_at - 400 * DAY:
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
        if not 1 <= len(written) <= 200:
            self.reasons |= {"out_of_range", "line_invalid"}
        numbers = [line.line_no for line in self.lines if line.line_no is not None]
        if len(set(numbers)) < len(numbers):
            self.reasons.add("line_invalid")

    def _judge_total(self) -> None:
        charges, total = [self.integer(name, 0, 10**13) for name in CHARGES], self.integer("total_cents", 0)
        lines = self.lines
        if lines is None or any(line.gross is None or line.discount is None for line in lines):
            return
        if None in charges or total is None:
            return
        grosses = [line.gross for line in lines]
        steps = [gross - line.discount for gross, line in zip(grosses, lines, strict=True)] + charges
        sums = [sum(steps[: count + 1]) for count in range(len(steps))]
        is_within_64_bits = all(LEAST <= step <= MOST for step in (*grosses, *steps, *sums))
        if is_within_64_bits and total != sums[-1]:
            self.reasons.add("total_mismatch")


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _silver(fields: dict[str, Any], order: _Order, arrived_at: int, email_key: bytes) -> dict[str, Any]:
    email = fields.get("customer_email")
    hashed = None if email is None else hmac.new(email_key, email.encode(), hashlib.sha256).hexdigest()
    numbers = ("schema_version", *CHARGES, "total_cents")
    lines = [{name: plain(line.fields[name]) for name in LINE_FIELDS} for line in order.lines or ()]
    return {
        **{name: fields[name] for name in (*IDS, *LISTS, "currency")},
        **{name: plain(fields[name]) for name in numbers},
        "customer_email_hmac": hashed,
        "ordered_at": order.ordered_at,
        "lines": sorted(lines, key=lambda line: line["line_no"]),
        "rescued": _rescued(fields),
        "is_late": arrived_at - (order.ordered_at or 0) > LATE_AFTER,
    }


def _rescued(fields: dict[str, Any]) -> dict[str, Any] | None:
    unknown = {name: plain(value) for name, value in fields.items() if name not in FIELDS}
    of_lines = [
        {n: plain(value) for n, value in line.items() if n not in LINE_FIELDS} for line in fields["lines"]
    ]
    return {**unknown, **({"lines": of_lines} if any(of_lines) else {})} or None
