"""
The stream of records: good orders mixed with repeats, late ones, contradictions and broken ones.

A repeat or a contradiction is of an order sent before it under the same key, so the first one wins.
"""

import json
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle

import numpy as np

from simulator.draws import LATE, LATE_BY, MIX, Floats, Integers, NumberSource
from simulator.faults import FAULTS, Order, dumped, summed
from simulator.orders import Event, OrderFactory, content_hash, with_event_id

LATE_FROM_MS = 61 * 60_000  # just above the lake's limit, an hour
LATE_TO_MS = 48 * 3_600_000
RECENT, OLDER = 500, 5_000

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Shares:
    """Which part of the records is not simply a good order of this moment, each between 0 and 1."""

    duplicates: float = 0.0
    late: float = 0.0
    bad: float = 0.0
    conflicts: float = 0.0


class SentOrders:
    """Good orders to come back to: the latest ones, and a fair sample of all before."""

    def __init__(self, draw: random.Random) -> None:
        self._recent: deque[Event] = deque(maxlen=RECENT)
        self._older: list[Event] = []
        self._seen = 0
        self._draw = draw

    def add(self, event: Event) -> None:
        self._recent.append(event)
        self._seen += 1
        if len(self._older) < OLDER:
            self._older.append(event)
        elif (place := self._draw.randrange(self._seen)) < OLDER:
            self._older[place] = event

    def pick(self) -> Event | None:
        pool = self._recent if self._draw.random() < 0.7 else self._older
        return self._draw.choice(pool) if pool else None


class Traffic:
    """An endless supply of events with consecutive sequence numbers, made in pieces of any size."""

    def __init__(self, factory: OrderFactory, seed: int, shares: Shares, clock: Clock | None = None) -> None:
        self._factory = factory
        self._numbers = NumberSource(seed)
        self._shares = shares
        self._draw = random.Random(f"traffic {seed}")  # noqa: S311 - reproducible orders, not a secret
        self._sent = SentOrders(self._draw)
        self._faults = cycle(self._draw.sample(FAULTS, len(FAULTS)))
        self._clock = clock or (lambda: datetime.now(UTC))
        self._seq = 0

    def next(self, at_ms: Integers) -> list[Event]:
        """The next events, one for each moment in `at_ms` (milliseconds since 1970)."""
        events: list[Event] = []
        for numbers in self._numbers.rows(self._seq, len(at_ms)):
            count = len(numbers.per_order)
            moments, at_ms = at_ms[:count], at_ms[count:]
            late = self._late(numbers.per_order)
            orders = self._factory.make(self._seq, numbers, moments - late)
            self._seq += count
            events.extend(self._mixed(orders, numbers.per_order[:, MIX].tolist(), late.tolist()))
        return events

    def _late(self, per_order: Floats) -> Integers:
        by = LATE_FROM_MS + (per_order[:, LATE_BY] * (LATE_TO_MS - LATE_FROM_MS)).astype(np.int64)
        return np.where(per_order[:, LATE] < self._shares.late, by, 0)

    def _mixed(self, orders: list[Event], mix: list[float], late: list[int]) -> Iterator[Event]:
        repeats = self._shares.duplicates
        contradictions = repeats + self._shares.conflicts
        bad = contradictions + self._shares.bad
        for order, number, late_by in zip(orders, mix, late, strict=True):
            if number >= bad:
                yield self._good(order, late_by)
            elif number >= contradictions:
                yield self._broken(order)
            else:
                change = self._repeated if number < repeats else self._contradicted
                earlier = self._sent.pick()
                yield self._good(order, late_by) if earlier is None else change(order, earlier)

    def _good(self, order: Event, late_by: int) -> Event:
        if late_by:
            order.fault = "late"
        self._sent.add(order)
        return order

    def _repeated(self, order: Event, earlier: Event) -> Event:
        if self._draw.random() < 0.5:
            return replace(earlier, seq=order.seq, fault="duplicate")
        assert earlier.payload is not None  # noqa: S101
        content = earlier.payload.decode().split(f'"event_id":"{earlier.event_id}",', 1)[1]
        payload = with_event_id(order.event_id, content)
        return replace(
            earlier, seq=order.seq, event_id=order.event_id, payload=payload, fault="duplicate_new_event_id"
        )

    def _contradicted(self, order: Event, earlier: Event) -> Event:
        changed = _other_content(json.loads(earlier.payload or b""), self._draw)
        changed["event_id"] = order.event_id
        payload = dumped(changed)
        lines = changed["lines"]
        return replace(
            earlier,
            seq=order.seq,
            event_id=order.event_id,
            payload=payload,
            units=sum(line["quantity"] for line in lines),
            goods_cents=changed["total_cents"] - changed["shipping_cents"] - changed["tax_cents"],
            total_cents=changed["total_cents"],
            content_hash=content_hash(payload.decode().split(",", 2)[2]),
            fault="conflict",
        )

    def _broken(self, order: Event) -> Event:
        fault = next(self._faults)
        broken = json.loads(order.payload or b"")
        order.payload = fault.make(broken, self._clock())
        order.fault = f"bad:{fault.name}"
        order.reasons = tuple(sorted(fault.reasons))
        return order if order.reasons else _remeasured(order)


def _other_content(order: Order, draw: random.Random) -> Order:
    """The same order with another amount, or another set of lines."""
    if draw.random() < 0.5:
        return summed(order | {"shipping_cents": order["shipping_cents"] + 100})
    line = order["lines"][0]
    return summed(order | {"lines": [line | {"quantity": line["quantity"] + 1}, *order["lines"][1:]]})


def _remeasured(event: Event) -> Event:
    """An odd order that follows the contract: its content is not the one it was made from."""
    event.content_hash = content_hash((event.payload or b"").decode().split(",", 2)[2])
    return event
