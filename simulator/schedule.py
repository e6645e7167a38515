"""When each event is due, and at what time its order was placed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from simulator.draws import SLOT_MINUTES, SLOTS_PER_DAY, Floats, Integers, demand_by_slot

DEFAULT_RATE = 2.0
DEFAULT_SPAN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for. Without a rate it is sent as fast as it goes; without a count it never ends."""

    rate: float | None
    count: int | None
    start: datetime | None = None
    span: timedelta | None = None

    def due(self, elapsed_seconds: float) -> int:
        """How many events should have been sent after so much time."""
        if self.rate is None:
            return self.count or 0
        due = int(elapsed_seconds * self.rate) + 1
        return due if self.count is None else min(due, self.count)


OrderTimes = Callable[[int, int], Integers]  # (first sequence number, how many) -> milliseconds since 1970


def order_times(plan: Plan, now: Callable[[], datetime]) -> OrderTimes:
    """The times of the orders: over the span, from the start at the rate, or simply now."""
    if plan.count is not None and (plan.start is not None or plan.span is not None):
        span = plan.span or DEFAULT_SPAN
        return _over_span(plan.start or now() - span, span, plan.count)
    if plan.start is not None:
        start_ms, step = _milliseconds(plan.start), 1_000 / (plan.rate or DEFAULT_RATE)
        return lambda first, count: start_ms + (np.arange(first, first + count) * step).astype(np.int64)
    return lambda first, count: np.full(count, _milliseconds(now()), dtype=np.int64)


def _over_span(start: datetime, span: timedelta, count: int) -> OrderTimes:
    """`count` orders in `span`, more of them in the hours in which people buy."""
    start_ms, span_ms = _milliseconds(start), int(span.total_seconds() * 1_000)
    edges = np.linspace(0, span_ms, 1 + max(1, span_ms // (SLOT_MINUTES * 60_000)))
    sold: Floats = np.concatenate(([0.0], np.cumsum(_demand(start_ms + (edges[:-1] + edges[1:]) / 2))))

    def times(first: int, wanted: int) -> Integers:
        share = (np.arange(first, first + wanted) + 0.5) / count
        return start_ms + np.interp(share * sold[-1], sold, edges).astype(np.int64)

    return times


def _demand(moments_ms: Floats) -> Floats:
    slot = (moments_ms // (SLOT_MINUTES * 60_000) % SLOTS_PER_DAY).astype(np.int64)
    return demand_by_slot().sum(axis=1)[slot]


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)
