"""A record's bytes as docs/contracts/orders.md reads them, with the standard library's JSON."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

BLANKS = " \t\r\n"
MAX_BYTES, MAX_DEPTH, MAX_DIGITS, MAX_NAME = 1_048_576, 200, 1_000, 50_000
HALF_SURROGATE = re.compile("[\ud800-\udfff]")


class Broken(Exception):
    """There is no order to look into, for these reasons."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = set(reasons)


class Number(NamedTuple):
    """As it was written, because 50 is an integer and 50.0 is none."""

    written: str

    @property
    def is_integer(self) -> bool:
        return not set(self.written) & set(".eE")

    @property
    def plain(self) -> int | float | Decimal:
        """Its value: exact, unless it has an exponent or more digits than a decimal of the lake has."""
        if self.is_integer and -(2**63) <= int(self.written) < 2**63:
            return int(self.written)
        digits = re.sub(r"\D", "", self.written).lstrip("0")
        return (
            float(self.written) if "e" in self.written.lower() or len(digits) > 38 else Decimal(self.written)
        )


def read_object(value: bytes | None) -> dict[str, Any]:
    """
    The object a record consists of; its numbers are `Number`.

    Raises:
        Broken: it is none.
    """
    text = _text(value)
    start = len(text) - len(text.lstrip(BLANKS))
    document, end, has_repeated_key = _first_value(text, start)
    is_object, is_followed = isinstance(document, dict), bool(text[end:].strip(BLANKS))
    if is_followed and not is_object:
        raise Broken("not_json")
    found = {
        "trailing_data": is_followed,
        "duplicate_key": has_repeated_key,
        "not_object": not is_object,
    }
    if any(found.values()):
        raise Broken(*(reason for reason, is_found in found.items() if is_found))
    return document


def _text(value: bytes | None) -> str:
    if len(value or b"") > MAX_BYTES:
        raise Broken("too_large")
    try:
        text = (value or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise Broken("not_utf8") from None
    if not text.strip(BLANKS):
        raise Broken("empty")
    return text


def _first_value(text: str, start: int) -> tuple[Any, int, bool]:
    repeated: list[str] = []

    def read_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        repeated.extend(name for name, _ in pairs[len(fields) :])
        if any(len(name) > MAX_NAME for name in fields):
            raise Broken("not_json")
        return fields

    decoder = json.JSONDecoder(
        object_pairs_hook=read_pairs, parse_int=_number, parse_float=_number, parse_constant=_refuse
    )
    try:
        with deep_enough():
            document, end = decoder.raw_decode(text, start)
            is_whole = not any(map(HALF_SURROGATE.search, texts_of(document)))
    except (ValueError, RecursionError):
        raise Broken("not_json") from None
    if not is_whole or _depth(text[start:end]) > MAX_DEPTH:
        raise Broken("not_json")
    return document, end, bool(repeated)


def _number(written: str) -> Number:
    if sum(character.isdigit() for character in written) > MAX_DIGITS:
        raise Broken("not_json")
    return Number(written)


def _refuse(name: str) -> NoReturn:
    raise Broken("not_json")


@contextmanager
def deep_enough() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 6_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _depth(document: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", document)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def texts_of(document: Any) -> Iterator[str]:
    """Every text and every name in it, at any depth."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value


def plain(value: Any) -> Any:
    """The value with its numbers as Python has them."""
    if isinstance(value, Number):
        return value.plain
    if isinstance(value, list):
        return [plain(part) for part in value]
    return {name: plain(part) for name, part in value.items()} if isinstance(value, dict) else value
