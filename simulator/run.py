"""One run of the simulator: make, note down, send, and say how far it is."""

import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from simulator.draws import BLOCK
from simulator.manifest import Ack, Manifest
from simulator.orders import Event
from simulator.schedule import OrderTimes, Plan
from simulator.sender import Sender
from simulator.traffic import Traffic

LAST_ANSWERS_SECONDS = 30.0
IDLE_SECONDS = 0.05


class Outlet(Protocol):
    """Where events go."""

    @property
    def is_full(self) -> bool: ...
    def take(self, events: list[Event]) -> None: ...
    def answers(self, *, wait_seconds: float = 0.0) -> list[Ack]: ...
    def close(self) -> list[Ack]: ...


class KafkaOutlet:
    """Notes events in the manifest, then sends them; notes the answers as they come."""

    def __init__(self, sender: Sender, manifest: Manifest) -> None:
        self._sender = sender
        self._manifest = manifest

    @property
    def is_full(self) -> bool:
        return self._sender.is_full

    def take(self, events: list[Event]) -> None:
        self._manifest.expect(events)
        for event in events:
            self._sender.send(event)

    def answers(self, *, wait_seconds: float = 0.0) -> list[Ack]:
        acks = list(self._sender.answers(wait_seconds=wait_seconds))
        self._manifest.acknowledge(acks)
        return acks

    def close(self) -> list[Ack]:
        acks = self._sender.close(LAST_ANSWERS_SECONDS)
        self._manifest.acknowledge(acks)
        self._manifest.finish()
        return acks


class Nowhere:
    """Forgets the events: for measuring how fast they are made."""

    is_full = False

    def take(self, events: list[Event]) -> None:
        return

    def answers(self, *, wait_seconds: float = 0.0) -> list[Ack]:
        return []

    def close(self) -> list[Ack]:
        return []


@dataclass(slots=True)
class Totals:
    """What a run did."""

    seconds: float = 0.0
    made: int = 0
    cents: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    acks: Counter[str] = field(default_factory=Counter)

    def add(self, events: list[Event]) -> None:
        self.made += len(events)
        self.cents += sum(e.total_cents for e in events if not e.reasons)
        self.kinds.update((e.fault or "new").partition(":")[0] for e in events)

    @property
    def open(self) -> int:
        return self.made - sum(self.acks.values())


class Progress:
    """One line, rewritten on a terminal and repeated every ten seconds elsewhere."""

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out = out
        self._every = 0.5 if out.isatty() else 10.0
        self._shown_at = time.monotonic()
        self._shown_made = 0

    def show(self, totals: Totals) -> None:
        now = time.monotonic()
        if now - self._shown_at < self._every:
            return
        rate = (totals.made - self._shown_made) / (now - self._shown_at)
        answers = f"{totals.acks['ok']:,} acknowledged, {totals.open:,} waiting"
        line = f"{totals.made:,} records, {rate:,.0f}/s, {answers}"
        self._out.write(f"\r{line:<78}" if self._out.isatty() else f"{line}\n")
        self._out.flush()
        self._shown_at, self._shown_made = now, totals.made

    def end(self) -> None:
        if self._out.isatty():
            self._out.write(f"\r{'':<78}\r")


def new_run_id() -> str:
    return uuid.uuid4().hex[:12]


def simulate(
    plan: Plan,
    times: OrderTimes,
    traffic: Traffic,
    outlet: Outlet,
    stop: threading.Event,
    show: Callable[[Totals], None],
) -> Totals:
    """Run until the plan's count is reached or `stop` is set; either way what was sent is accounted for."""
    totals, begin = Totals(), time.monotonic()
    while not stop.is_set() and totals.made != plan.count:
        due = min(plan.due(time.monotonic() - begin) - totals.made, BLOCK)
        if due > 0 and not outlet.is_full:
            events = traffic.next(times(totals.made, due))
            outlet.take(events)
            totals.add(events)
        elif due <= 0:
            stop.wait(IDLE_SECONDS)
        totals.acks.update(
            a.ack for a in outlet.answers(wait_seconds=IDLE_SECONDS if outlet.is_full else 0.0)
        )
        show(totals)
    totals.acks.update(a.ack for a in outlet.close())
    totals.seconds = time.monotonic() - begin
    return totals
