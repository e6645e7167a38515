"""Hypothesis strategies: values for the fields of an order, most of them odd or wrong."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from tests.orders import ARRIVED_AT


def evenly(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One of them, each as likely: `one_of` would prefer those that are made of many."""
    return st.sampled_from(strategies).flatmap(lambda strategy: strategy)


class Raw(str):
    """JSON text that is written as it is."""


def written(value: Any, *, ascii_only: bool = True) -> str:
    """As `json.dumps`, with a place for what that would not write."""
    if isinstance(value, Raw):
        return value
    if isinstance(value, dict):
        parts = (
            f"{written(name, ascii_only=ascii_only)}: {written(part, ascii_only=ascii_only)}"
            for name, part in value.items()
        )
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, list):
        return f"[{', '.join(written(part, ascii_only=ascii_only) for part in value)}]"
    return json.dumps(value, ensure_ascii=ascii_only)


LIMITS = (0, 1, 2, 10_000, 2**31 - 1, 10**8, 10**13, 2**53, 2**62, 2**63 - 1, 2**63, 10**19, 10**37, 10**38,
          10**39, 10**400)  # fmt: skip

# Of numbers, some of which are none.
SPELLINGS = (
    "-0", "0.0", "-0.0", "5e1", "5E+1", "5e-1", "1e400", "-1e-400", "50.0", "50.00", "0.5", "1e18", "1e20",
    "9223372036854775807.0", "9223372036854775808.0", "-9223372036854775808", "-9223372036854775809",
    "12345678901234567890.5", "050", "+5", ".5", "5.", "0x10", "1_000", "NaN", "Infinity", "-Infinity",
    "-NaN", "-", "1e", "1.e5", "١",
)  # fmt: skip
numbers = evenly(
    st.builds(lambda limit, by, sign: Raw(sign * (limit + by)), st.sampled_from(LIMITS), st.integers(-1, 1),
              st.sampled_from((1, 1, 1, -1))),
    st.sampled_from(SPELLINGS).map(Raw),
    st.sampled_from((1_000, 1_001)).map(lambda digits: Raw("7" * digits)),
    st.sampled_from((999, 1_000)).map(lambda digits: Raw("7." + "7" * digits)),
)  # fmt: skip
pieces = st.sampled_from((
    "a", "B", "0", " ", "\t", "\n", "\r\n", "\x0b", "\x0c", "\x7f", "\x85", "\xa0", "\u2028",
    "\u3000", "\ufeff", "\ufffd", "\uffff", "é", "e\u0301", "ß", "İ", "\u202e", "قميص", "🦜", "👩‍👧",
    "\0", "\x01", "\x1f", "'", '"', "\\", "\\u0000", "\\\\u0000", "\\ud83d", "/", "{", "]", "%s",
    "'; --", "<b>", "=1+1", "../..", "null",
))  # fmt: skip
short_texts = st.lists(pieces, max_size=4).map("".join)
long_texts = st.builds(
    lambda piece, count: piece * count,
    st.sampled_from(("x", "é", "🦜", " ", "e\u0301")),
    st.sampled_from((0, 1, 63, 64, 65, 99, 100, 101, 199, 200, 201)),
)
# Escapes that json.dumps would not write: needless ones, halves of pairs, and those that are none.
escapes = st.sampled_from((
    r'"\u0041"', r'"\ud83d\ude00"', r'"\uD83D\uDE00\ud83d\ude00"', r'"\ud83d"', r'"\ude00"',
    r'"\ude00\ud83d"', r'"\ud83d\ud83d\ude00"', r'"\ud83dx\ude00"', r'"\\ud83d"', r'"\\\ud83d"',
    r'"\u0000"', r'"\\u0000"', r'"\\\u0000"', r'"\/\b\f\n\r\t"', r'"\x41"', r'"\u41"', r'"\u004g"',
    r'"\'"', '"a\nb"', '"a\tb"', '"a\x00b"', '"a\x1fb"', '"a', "'a'", "undefined", "True", "None",
    "nul", "tru", '"a" "b"', "",
)).map(Raw)  # fmt: skip
others = evenly(
    st.sampled_from(
        (None, True, False, 5, 0, "5", "", [], {}, [5], [None], {"a": 1}, ["x" * 70], {"a": "x" * 300})
    ),
    numbers,
    short_texts,
    long_texts,
    escapes,
)


def deep(depth: int, opening: str) -> Raw:
    if opening == "{":
        return Raw('{"d": ' * (depth - 1) + "{}" + "}" * (depth - 1))
    return Raw("[" * depth + "]" * depth)


unknown_values = evenly(
    others,
    st.builds(
        deep,
        st.sampled_from((1, 2, 60, 197, 198, 199, 200, 201, 998, 999, 1_000, 1_300)),
        st.sampled_from("[{"),
    ),
    st.sampled_from(
        ('{"a": 1, "a": 2}', '[{"a": {"b": 1, "\\u0062": 1}}]', '{"": 1}', '{"a": 1, "A": 2}')
    ).map(Raw),
)
names = evenly(
    st.sampled_from(
        ("note", "Region", "order_id ", "ORDER_ID", "lines.", "d", "", "quantity", "a.b", "a`b", "$")
    ),
    short_texts,
)

away = st.sampled_from((0, 1, -1, 14 * 60, -12 * 60, 330, 18 * 60, -18 * 60))
# Around each bound of the contract, to the microsecond.
apart = st.builds(
    lambda bound, by: bound + by,
    st.sampled_from((timedelta(0), timedelta(minutes=5), -timedelta(days=400), -timedelta(hours=1))),
    st.sampled_from((0, 1, -1, 1_000, -1_000, 60_000_000, -60_000_000)).map(
        lambda us: timedelta(microseconds=us)
    ),
)
odd_times = st.sampled_from((
    "2026-11-22T11:50:00", "2026-11-22", "11:50:00Z", "2026-11-22T11:50Z", "2026-11-22T11Z",
    "20261122T115000Z", "2026-11-22T24:00:00Z", "2026-11-22T23:59:60Z", "2026-11-22T11:60:00Z",
    "2026-02-29T00:00:00Z", "2026-02-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z",
    "2026-11-00T00:00:00Z", "2026-04-31T00:00:00Z", "0000-02-29T00:00:00Z",
    "0000-01-01T00:00:00+18:00", "0001-01-01T00:00:00Z", "1900-02-29T00:00:00Z",
    "1969-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59-18:00", "10000-01-01T00:00:00Z",
    "-2026-11-22T11:50:00Z", "+2026-11-22T11:50:00Z", "2026-W47-7T11:50:00Z", "2026-326T11:50:00Z",
    "2026-11-22T11:50:00+18:01", "2026-11-22T11:50:00+19:00", "2026-11-22T11:50:00-23:59",
    "2026-11-22T11:50:00+05:60", "2026-11-22T11:50:00+5:30", "2026-11-22T11:50:00+0530",
    "2026-11-22T11:50:00+05", "2026-11-22T11:50:00+05:30:15", "2026-11-22T11:50:00 +05:30",
    "2026-11-22T11:50:00UTC", "2026-11-22T11:50:00Z[UTC]", "2026-11-22T11:50:00 Europe/Berlin",
    "2026-11-22T11:50:00.Z", "2026-11-22T11:50:00,5Z", "2026-11-22T11:50:00.123456789Z",
    "2026-11-22T11:50:00.1234567891Z", "2026-11-22  11:50:00Z", "2026-11-22_11:50:00Z",
    "２０２６-11-22T11:50:00Z", "2026-11-22T11:50:00−01:00", "2026-1-2T11:50:00Z", "today", "now",
    "epoch", "1763812800", "1763812800000", "Sun, 22 Nov 2026 11:50:00 GMT",
))  # fmt: skip


def spelt(moment: datetime, minutes: int, separator: str, spelling: str, blank: str) -> str:
    text = moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat(separator)
    return {"Z": text.replace("+00:00", "Z"), "z": text.replace("+00:00", "z"), "": text}[spelling] + blank


moments = apart.map(lambda by: ARRIVED_AT + by)
good_times = st.just((ARRIVED_AT - timedelta(minutes=10)).isoformat())
bounded_times = st.builds(spelt, moments, away, st.just("T"), st.just("Z"), st.just(""))
spelt_times = st.builds(
    spelt,
    moments,
    away,
    st.sampled_from("TTTt _"),
    st.sampled_from(("", "Z", "z")),
    st.sampled_from(("", "", "", "", "", "\n", "\r\n", " ", "\u2028", "\x85", "\0")),
)
times = evenly(spelt_times, odd_times, others)
