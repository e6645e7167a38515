"""
The changes a re-drive may make to a record's bytes, each under a name that the audit keeps.

A fix takes away what cannot carry meaning, and nothing else: it guesses neither a value nor an encoding. A
record that a fix leaves as it is, is not sent.
"""

from collections.abc import Callable

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NO_FIX = "none"


def strip_byte_order_mark(value: bytes) -> bytes:
    """Without one UTF-8 byte-order mark at the very start."""
    return value.removeprefix(BYTE_ORDER_MARK)


def strip_trailing_nuls(value: bytes) -> bytes:
    """Without the zero bytes at the very end, which a fixed-length buffer leaves there."""
    return value.rstrip(b"\x00")


FIXES: dict[str, Callable[[bytes], bytes]] = {
    fix.__name__: fix for fix in (strip_byte_order_mark, strip_trailing_nuls)
}


def fixed(name: str, value: bytes | None) -> bytes | None:
    """
    The value after the fix `name`; the value itself for `none`, and where there is nothing to fix.
    """
    return value if name == NO_FIX or value is None else FIXES[name](value)
