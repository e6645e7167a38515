"""From what was asked for to a finished run: the parts put together, and signals obeyed."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.settings import KafkaSettings
from simulator.manifest import Manifest
from simulator.orders import OrderFactory
from simulator.run import KafkaOutlet, Nowhere, Outlet, Progress, Totals, new_run_id, simulate
from simulator.schedule import Plan, order_times
from simulator.sender import Sender
from simulator.traffic import Shares, Traffic

# How long a record waits for company: briefly when each has its time, longer when speed is what counts.
PACED_LINGER_MS, FAST_LINGER_MS = 5, 20


@dataclass(frozen=True, slots=True)
class Request:
    """One run as asked for. `arguments` is what the manifest keeps of the command line."""

    plan: Plan
    shares: Shares
    seed: int
    catalogue_seed: int = 1
    currency: str = "USD"
    compression: str | None = "lz4"
    arguments: dict[str, Any] = field(default_factory=dict)


def send(request: Request, kafka: KafkaSettings, manifest: Path) -> tuple[str, Totals]:
    """
    Make the records, note them in the manifest and send them, until the plan is done or a signal ends it.

    Returns:
        The run's id in the manifest, and what it did.

    Raises:
        SimulatorError: Kafka, the topic or the manifest cannot be used; nothing was sent.
    """
    run_id = new_run_id()
    traffic = _traffic(request)
    linger_ms = PACED_LINGER_MS if request.plan.rate else FAST_LINGER_MS
    sender = Sender(kafka, run_id, linger_ms=linger_ms, compression=request.compression)
    notes = Manifest(manifest, run_id)
    notes.start(kafka.orders_topic, request.seed, request.arguments)
    return run_id, _run(request.plan, traffic, KafkaOutlet(sender, notes))


def rehearse(request: Request) -> Totals:
    """Make the records and send nothing."""
    return _run(request.plan, _traffic(request), Nowhere())


def _traffic(request: Request) -> Traffic:
    factory = OrderFactory(request.seed, catalogue_seed=request.catalogue_seed, currency=request.currency)
    return Traffic(factory, request.seed, request.shares)


def _run(plan: Plan, traffic: Traffic, outlet: Outlet) -> Totals:
    progress = Progress()
    times = order_times(plan, lambda: datetime.now(UTC))
    with _stopped_by_signals() as stop:
        totals = simulate(plan, times, traffic, outlet, stop, progress.show)
    progress.end()
    return totals


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """SIGTERM and SIGINT ask the run to end; afterwards they mean what they meant before."""
    stop = threading.Event()
    before = {n: signal.signal(n, lambda *_: stop.set()) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
