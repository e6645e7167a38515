"""One message of the corpus."""

import json
from typing import Any, NamedTuple

from tests.orders import order


class Message(NamedTuple):
    """`reasons` are those it must be quarantined for; without any it must be accepted, or be a duplicate."""

    name: str
    value: bytes | None
    reasons: frozenset[str]
    is_duplicate: bool = False

    @property
    def disposition(self) -> str | None:
        return "quarantined" if self.reasons else ("duplicate" if self.is_duplicate else None)


def own_order(name: str, **changes: Any) -> dict[str, Any]:
    """An order under the message's own id, so that no message is a repeat of another."""
    return order(**{"order_id": f"O-{name}"[:64], **changes})


def raw(name: str, value: bytes | None, *reasons: str) -> Message:
    return Message(name, value, frozenset(reasons))


def changed(name: str, *reasons: str, **changes: Any) -> Message:
    """A good order but for `changes`; the total is left alone."""
    return raw(name, json.dumps(own_order(name, **changes)).encode(), *reasons)


def edited(name: str, old: str, new: str, *reasons: str) -> Message:
    """A good order whose text has `new` in the place of `old`."""
    text = json.dumps(own_order(name))
    assert old in text
    return raw(name, text.replace(old, new, 1).encode("utf-8", "surrogatepass"), *reasons)
