"""Orders that come again, as they were or otherwise."""

import json
from typing import Any

from tests.corpus.message import Message, raw
from tests.orders import line, order


def again(name: str, *reasons: str, **changes: Any) -> Message:
    """The order O-first, with `changes`."""
    value = json.dumps(order(order_id="O-first", **changes)).encode()
    return Message(name, value, frozenset(reasons), is_duplicate=not reasons)


REPEATED = (
    raw("the first", json.dumps(order(order_id="O-first")).encode()),
    again("the same again"),
    again("the same under another event_id", event_id="E-2"),
    again("the same in another zone", ordered_at="2026-11-22T17:20:00+05:30"),
    again("the same but for nanoseconds", ordered_at="2026-11-22T11:50:00.000000999Z"),
    again("a microsecond later", "order_conflict", ordered_at="2026-11-22T11:50:00.000001Z"),
    again("without its e-mail", "order_conflict", customer_email=...),
    again("another amount", "order_conflict", shipping_cents=300, total_cents=2_250),
    again("another customer", "order_conflict", customer_id="C-2"),
    again("another product", "order_conflict", lines=[line(product_id="P-2")]),
    again("another e-mail", "order_conflict", customer_email="other@example.com"),
)
