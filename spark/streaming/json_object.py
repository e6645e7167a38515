"""
A record's bytes as one JSON object, or the reasons why it is none, with the standard library.

Who reads here must be sure: what Spark's parser may read in another way (`Uncertain`) is left to it.
"""

import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple, NoReturn

from lake import contract
from spark.transforms.json_text import BLANKS

MOST_BYTES = 64 * 1024
# Spark's parser has limits of its own for longer names and numbers (docs/contracts/orders.md, `not_json`).
MOST_NAME, MOST_DIGITS = 1_000, 100
# Half of a surrogate pair that came as an escape, and characters that Spark and Python escape differently.
DOUBTFUL = re.compile("[\ud800-\udfff\x00-\x07\x0b\x0e-\x1f]")
# Without an escape, a long number or a long name there is nothing of the kind to look for.
DOUBTFUL_TEXT = re.compile(rf'\\|[-+.eE0-9]{{{MOST_DIGITS}}}|[^"]{{{MOST_NAME}}}')
# A text without an end goes to the end: to look for one from each of its quotes would take minutes.
TEXTS, BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL), re.compile(r"[\[\]{}]")
Object = dict[str, Any]


class Uncertain(Exception):
    """Spark's rules are asked instead."""


class Number(NamedTuple):
    """As it was written, because 50 is a whole number and 50.0 is none."""

    written: str

    @property
    def whole(self) -> int | None:
        """Its value when it has no fraction and no exponent, however large it is."""
        return None if set(self.written) & set(".eE") else int(self.written)


class Reading(NamedTuple):
    """The object there is, and the reasons why the record is not just that; no object: reasons."""

    fields: Object | None
    reasons: tuple[str, ...] = ()


def read_object(value: bytes | None) -> Reading:
    """
    Read a record's value; its numbers are `Number`.

    Raises:
        Uncertain: it takes Spark's parser to say.
    """
    if value and len(value) > contract.MAX_RECORD_BYTES:
        return Reading(None, ("too_large",))
    if value and len(value) > MOST_BYTES:
        raise Uncertain
    try:
        text = (value or b"").decode()
    except UnicodeDecodeError:
        return Reading(None, ("not_utf8",))
    stripped = text.strip(BLANKS)
    if not stripped:
        return Reading(None, ("empty",))
    if not _is_shallow(stripped):
        if stripped.startswith("[["):  # whatever it is, it is no object, and deeper than the contract has it
            return Reading(None, ("not_json",))
        raise Uncertain
    return _read(stripped)


def _is_shallow(text: str) -> bool:
    if text.count("[") + text.count("{") <= contract.MAX_NESTING:
        return True
    return max(accumulate(_steps(text)), default=0) <= contract.MAX_NESTING


def _steps(text: str) -> list[int]:
    """A level down or up for each bracket outside of texts."""
    return [1 if bracket in "[{" else -1 for bracket in BRACKETS.findall(TEXTS.sub("", text))]


def _read(text: str) -> Reading:
    repeated: list[Any] = []  # all values of objects with a repeated key, of which a dict keeps one only

    def paired(pairs: list[tuple[str, Any]]) -> Object:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            repeated.extend(value for _, value in pairs)
        return fields

    decoder = json.JSONDecoder(
        object_pairs_hook=paired, parse_int=Number, parse_float=Number, parse_constant=_refuse
    )
    try:
        document, end = decoder.raw_decode(text)
    except json.JSONDecodeError as error:
        return _not_json(_is_lost(text, error))
    except _Constant as error:
        return _not_json(_depth_before(text, str(error)) == 1)
    if DOUBTFUL_TEXT.search(text):
        _be_certain([document, *repeated])
    rest = text[end:].lstrip(BLANKS)
    is_followed = bool(rest)
    if repeated and rest.startswith("]"):
        raise Uncertain  # Spark's rules take it for the end of an array of theirs
    if not isinstance(document, dict):
        if is_followed:
            return Reading(None, ("not_json",))
        return Reading(None, ("duplicate_key", "not_object") if repeated else ("not_object",))
    found = {"trailing_data": is_followed, "duplicate_key": bool(repeated)}
    return Reading(document, tuple(reason for reason, is_found in found.items() if is_found))


def _not_json(is_lost: bool) -> Reading:
    """
    Args:
        is_lost: Spark's lenient parser, too, reads nothing in it. Of some broken objects it reads a part, and
            that is what they claim.
    """
    if not is_lost:
        raise Uncertain
    return Reading(None, ("not_json",))


def _is_lost(text: str, error: json.JSONDecodeError) -> bool:
    if not text.startswith("{"):
        return True
    # When a line is cut behind a name, and nowhere else, Spark's parser gives what it had read before.
    is_behind_name = error.msg == "Expecting ':' delimiter" or text.endswith(":")
    is_cut = (error.pos == len(text) and not is_behind_name) or error.msg.startswith("Unterminated string")
    begins_badly = text[1 : error.pos].strip(BLANKS) == ""
    return is_cut or begins_badly


def _refuse(name: str) -> NoReturn:
    raise _Constant(name)


class _Constant(Exception):
    """NaN or an infinity, which JSON has not."""


def _depth_before(text: str, constant: str) -> int:
    return sum(_steps(TEXTS.sub("", text).partition(constant)[0]))


def _be_certain(document: Any) -> None:
    for value in parts_of(document):
        if isinstance(value, Number):
            if len(value.written) > MOST_DIGITS:
                raise Uncertain
        elif isinstance(value, dict):
            if any(len(name) > MOST_NAME or DOUBTFUL.search(name) for name in value):
                raise Uncertain
        elif isinstance(value, str) and DOUBTFUL.search(value.replace("\0", "")):
            raise Uncertain


def parts_of(document: Any) -> Iterator[Any]:
    """The value and every value in it, at any depth."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
