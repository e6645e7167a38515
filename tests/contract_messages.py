"""Hypothesis strategies: messages around the contract of `orders.v1`, as the bytes of a record."""

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.changed_orders import orders
from tests.odd_values import evenly, others, written

FRAGMENTS = (
    "", " ", "\n", "\t", ",", ":", "{", "}", "[", "]", '"', "\\", "0", "-", ".", "null", "x", "\x00", "\x0c",
    "\xa0", "\ufeff", "\u2028", "//", "/**/", "{}", ",{}", "],[", '"a": 1,', "\ud7ff", '{"a": 1, "a": 1}',
    ', "z": {"a": 1, "a": 1}', r'"\ud83d"', "1" * 1_001, "é", "🦜",
)  # fmt: skip
fragments = st.sampled_from(FRAGMENTS)
places = st.integers(0, 2**16)


def inserted(text: str, place: int, fragment: str) -> str:
    at = place % (len(text) + 1)
    return text[:at] + fragment + text[at:]


texts = evenly(
    st.builds(inserted, orders, places, fragments),
    st.builds("{}{}{}".format, fragments, orders, fragments),
    st.builds("{0}{1}{0}".format, orders, fragments),
    st.builds("[{}{}]{}".format, orders, st.sampled_from(("", ",", ", 1", ",{}")), fragments),
    st.builds("{}{}{}".format, fragments, others.map(written), fragments),
    orders.map(lambda text: text.replace('"', "'")),
    orders.map(lambda text: text.replace(" ", "\r\n\t ")),
)


def flipped(value: bytes, place: int, bit: int) -> bytes:
    at = place % max(1, len(value))
    return value[:at] + bytes(byte ^ (1 << bit) for byte in value[at : at + 1]) + value[at + 1 :]


def cut(value: bytes, place: int) -> bytes:
    return value[: place % (len(value) + 1)]


def mixed_in(value: bytes, place: int, other: bytes) -> bytes:
    at = place % (len(value) + 1)
    return value[:at] + other + value[at:]


def padded(value: bytes, size: int) -> bytes:
    return value + b" " * (size - len(value))


values = evenly(orders, texts).map(lambda text: text.encode("utf-8", "surrogatepass"))
damaged = evenly(
    st.builds(flipped, values, places, st.integers(0, 7)),
    st.builds(cut, values, places),
    st.builds(
        mixed_in,
        values,
        places,
        st.sampled_from(
            (b"\xff", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x00")
        ),
    ),
    values.map(lambda value: b"\xef\xbb\xbf" + value),
    values.map(lambda value: value.decode("utf-8", "replace").encode("utf-16")),
    st.sampled_from(
        (None, b"", b" ", b"\n\t \r", b"\x00", b"\x0c", "\u3000".encode(), b"{}", b"[]", b"0", b'""')
    ),
    st.binary(max_size=8),
)

# In tenths: most are orders, because most rules can only be broken by something that is one.
messages = evenly(*[orders.map(str.encode)] * 6, *[values] * 2, *[damaged] * 2)
# A megabyte each, so there are few of them.
large_messages = st.builds(padded, values, st.integers(0, 1).map(lambda by: 1_048_576 + by))


def drawn(strategy: st.SearchStrategy[bytes | None], count: int, number: int) -> list[bytes | None]:
    """So many messages, of one seed always the same."""
    values: list[bytes | None] = []

    @seed(number)
    @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def draw(value: bytes | None) -> None:
        values.append(value)

    draw()
    return values
