"""docs/contracts/orders.md for a record that is not written plainly: its reasons, or the order after all."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from contract import DAY, LISTS, MAX_BYTES, MAX_CHARGE, MAX_LINES, MINUTE, Judged, Order, content_of
from msgspec import convert
from times import instant

BLANKS = " \t\r\n"
LEAST, MOST = -(2**63), 2**63 - 1
MAX_DEPTH, MAX_DIGITS, MAX_NAME = 200, 1_000, 50_000
TEXTS = {"event_id": (1, 64), "order_id": (1, 64), "customer_id": (1, 64), "customer_email": (0, MOST)}
LINE_TEXTS = {"product_id": (1, 64), "product_name": (0, 200), "category": (0, 100)}
LINE_INTEGERS = {
    "line_no": (1, 2_147_483_647),
    "quantity": (1, 10_000),
    "unit_price_cents": (0, 100_000_000),
    "discount_cents": (0, MOST),
}
LINE_FIELDS = (*LINE_TEXTS, *LINE_INTEGERS)
FIELDS = ("schema_version", *TEXTS, "ordered_at", *LISTS, "lines", "shipping_cents", "tax_cents",
          "total_cents")  # fmt: skip
# Room for the deepest text that the decoder may meet before it is found to be too deep.
sys.setrecursionlimit(7_000)


class Unreadable(Exception):
    """There is no order to look into."""


def judge(value: bytes | None, arrived_at: int) -> Judged | set[str]:
    """The order, or every reason why there is none."""
    try:
        fields = _read_object(value)
    except Unreadable as unreadable:
        return set(unreadable.args)
    reasons: set[str] = set()
    ordered_at = _judge_fields(fields, arrived_at, reasons)
    _judge_lines(fields, reasons)
    _judge_total(fields, reasons)
    return reasons if reasons or ordered_at is None else _judged(fields, ordered_at)


def _judged(fields: dict[str, Any], ordered_at: int) -> Judged:
    lines = sorted(fields["lines"], key=lambda line: line["line_no"])
    unknown = {name: value for name, value in fields.items() if name not in FIELDS}
    of_lines = [{n: v for n, v in line.items() if n not in LINE_FIELDS} for line in fields["lines"]]
    rescued = {**unknown, **({"lines": of_lines} if any(of_lines) else {})}
    order = convert(fields | {"lines": lines}, Order)
    kept = json.dumps(rescued, ensure_ascii=False) if rescued else None
    return Judged(order, ordered_at, content_of(order, ordered_at), kept)


def _read_object(value: bytes | None) -> dict[str, Any]:
    text = _text(value)
    start = len(text) - len(text.lstrip(BLANKS))
    repeated: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(found)
        repeated.extend(name for name, _ in found[len(fields) :])
        if any(len(name) > MAX_NAME for name in fields):
            raise Unreadable("not_json")
        return fields

    decoder = json.JSONDecoder(
        object_pairs_hook=pairs, parse_int=_integer, parse_float=_decimal, parse_constant=_refuse
    )
    try:
        document, end = decoder.raw_decode(text, start)
    except (ValueError, RecursionError):
        raise Unreadable("not_json") from None
    is_object, is_followed = isinstance(document, dict), bool(text[end:].strip(BLANKS))
    has_half_a_pair = any("\ud800" <= c <= "\udfff" for part in texts_of(document) for c in part)
    if has_half_a_pair or (is_followed and not is_object) or _depth(text[start:end]) > MAX_DEPTH:
        raise Unreadable("not_json")
    found = {"trailing_data": is_followed, "duplicate_key": repeated, "not_object": not is_object}
    if any(found.values()):
        raise Unreadable(*(reason for reason, is_found in found.items() if is_found))
    return document  # type: ignore[no-any-return]


def _text(value: bytes | None) -> str:
    if len(value or b"") > MAX_BYTES:
        raise Unreadable("too_large")
    try:
        text = (value or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("not_utf8") from None
    if not text.strip(BLANKS):
        raise Unreadable("empty")
    return text


def _integer(written: str) -> int:
    return int(_of_bearable_length(written))


def _decimal(written: str) -> float:
    return float(_of_bearable_length(written))


def _of_bearable_length(written: str) -> str:
    if sum(map(str.isdigit, written)) > MAX_DIGITS:
        raise Unreadable("not_json")
    return written


def _refuse(name: str) -> NoReturn:
    raise Unreadable("not_json")


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def texts_of(document: Any) -> Iterator[str]:
    """Every text and every name, at any depth."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value


def _is_text(fields: dict[str, Any], name: str, bounds: tuple[int, int], reasons: set[str]) -> bool:
    value = fields.get(name)
    if isinstance(value, str):
        reasons |= set() if bounds[0] <= len(value) <= bounds[1] else {"out_of_range"}
        return True
    if name in fields:
        reasons.add("wrong_type")
    return False


def _number(fields: dict[str, Any], name: str, bounds: tuple[int, int], reasons: set[str]) -> int | None:
    """The integer, if it is there as one of 64 bits."""
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        reasons |= {"wrong_type"} if name in fields else set()
        return None
    if not bounds[0] <= value <= bounds[1]:
        reasons.add("out_of_range")
    return value if LEAST <= value <= MOST else None


def _judge_fields(fields: dict[str, Any], arrived_at: int, reasons: set[str]) -> int | None:
    """All but lines and total; returns the order's time."""
    if any(name not in fields for name in FIELDS if name != "customer_email"):
        reasons.add("field_missing")
    if _number(fields, "schema_version", (LEAST, MOST), reasons) not in (None, 1):
        reasons.add("schema_version_unknown")
    for name, bounds in TEXTS.items():
        _is_text(fields, name, bounds, reasons)
    for name, values in LISTS.items():
        if _is_text(fields, name, (0, MOST), reasons) and fields[name] not in values:
            reasons.add("currency_unsupported" if name == "currency" else "value_unknown")
    if any("\0" in text for text in texts_of(fields)):
        reasons.add("nul_character")
    return _judge_time(fields, arrived_at, reasons)


def _judge_time(fields: dict[str, Any], arrived_at: int, reasons: set[str]) -> int | None:
    if not _is_text(fields, "ordered_at", (0, MOST), reasons):
        reasons |= set() if fields.get("ordered_at") is None else {"bad_time"}
        return None
    ordered_at = instant(fields["ordered_at"])
    if ordered_at is None:
        reasons.add("bad_time")
    elif ordered_at > arrived_at + 5 * MINUTE:
        reasons.add("future_time")
    elif ordered_at < arrived_at - 400 * DAY:
        reasons.add("too_old")
    return ordered_at


def _judge_lines(fields: dict[str, Any], reasons: set[str]) -> None:
    lines = fields.get("lines")
    if not isinstance(lines, list):
        reasons |= {"wrong_type"} if "lines" in fields else set()
        return
    if not 1 <= len(lines) <= MAX_LINES:
        reasons |= {"out_of_range", "line_invalid"}
    for found in map(_reasons_of_line, lines):
        reasons |= found | {"line_invalid"} if found else set()
    numbers = [_number(line, "line_no", (LEAST, MOST), set()) for line in lines if isinstance(line, dict)]
    there = [number for number in numbers if number is not None]
    if len(set(there)) < len(there):
        reasons.add("line_invalid")


def _reasons_of_line(line: Any) -> set[str]:
    if not isinstance(line, dict):
        return {"wrong_type"}
    reasons = {"field_missing"} if any(name not in line for name in LINE_FIELDS) else set()
    for name, bounds in LINE_TEXTS.items():
        _is_text(line, name, bounds, reasons)
    numbers = {name: _number(line, name, bounds, reasons) for name, bounds in LINE_INTEGERS.items()}
    _, quantity, price, discount = numbers.values()
    if quantity is not None and price is not None and discount is not None and discount > quantity * price:
        reasons.add("out_of_range")
    return reasons


def _judge_total(fields: dict[str, Any], reasons: set[str]) -> None:
    charges = [_number(fields, name, (0, MAX_CHARGE), reasons) for name in ("shipping_cents", "tax_cents")]
    total = _number(fields, "total_cents", (0, MOST), reasons)
    lines = fields.get("lines")
    if not isinstance(lines, list) or total is None or None in charges:
        return
    steps, grosses = [], []
    for line in lines:
        parts = line if isinstance(line, dict) else {}
        read = [_number(parts, name, (0, MOST), set()) for name in LINE_INTEGERS]
        if any(part is None for part in read[1:]):
            return
        grosses.append(read[1] * read[2])  # type: ignore[operator]
        steps.append(grosses[-1] - read[3])  # type: ignore[operator]
    steps += charges  # type: ignore[arg-type]
    sums = [sum(steps[: count + 1]) for count in range(len(steps))]
    if all(LEAST <= step <= MOST for step in (*grosses, *steps, *sums)) and total != sums[-1]:
        reasons.add("total_mismatch")
