"""
How much does an order cost? Every contender drains the same backlog into the same answers.

Contenders take turns, so that the machine's mood hits all alike. A run counts when its answers equal what the
log says. Its rate is that of the second half of the log, when start and compilation are over; the whole run,
start included, is told too.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from bench.contender import LOOK_SECONDS, BenchmarkError, Contender, Running, Sample, drain, running
from bench.measuring import Found, in_cell, spread
from bench.order_log import Answers, OrderLog
from bench.tables import markdown

LEAST_RATE = 250  # orders/s; whoever is slower does not get to the end
# Both answers are complete by then, when one is.
SETTLES_WITHIN_SECONDS = 120
# So much of a run must lie between its first orders and its end; otherwise they came out in a burst.
STEADY = 0.25
START_SECONDS = 180
# Whoever needs longer for one run has one turn: three would be hours, and its rate hardly differs.
REPEATED_WITHIN_SECONDS = 900


@dataclass(frozen=True)
class Drained:
    """One run that counts."""

    core_seconds: float  # whole, start included
    seconds: float
    orders: int
    half: Sample
    last: Sample
    peak_memory: int

    @property
    def orders_per_core_second(self) -> float:
        return (self.last.orders - self.half.orders) / (self.last.core_seconds - self.half.core_seconds)

    @property
    def orders_per_second(self) -> float:
        return (self.last.orders - self.half.orders) / (self.last.seconds - self.half.seconds)

    @property
    def database_share(self) -> float:
        """Which part of the core-seconds is PostgreSQL's."""
        database = self.last.database - self.half.database
        return database / (self.last.core_seconds - self.half.core_seconds)


def measure(
    contenders: Sequence[Contender],
    log: OrderLog,
    folder: Path,
    *,
    runs: int,
    tell: Callable[[str], None],
    within_seconds: float = float("inf"),
    most_seconds: float = float("inf"),
) -> Found:
    """
    By contender: rates as spreads, or what went wrong. Columns of `told`.

    Args:
        within_seconds: after the first turn, another one begins only when it should be over by then.
        most_seconds: of one run; whoever takes longer has no figures.
    """
    began = monotonic()
    done: dict[str, list[Drained]] = {one.name: [] for one in contenders}
    failed: dict[str, str] = {}
    for turn in range(runs):
        if turn and (monotonic() - began) * (turn + 1) / turn > within_seconds:
            tell(f"turn {turn + 1} of {runs} is left out: there is no time for it")
            break
        for contender in contenders:
            ours = done[contender.name]
            if contender.name in failed or (ours and ours[0].seconds > REPEATED_WITHIN_SECONDS):
                continue
            place = folder / f"{contender.name}-{turn}"
            try:
                found = _drained(contender, log, place, most_seconds)
            except BenchmarkError as error:
                failed[contender.name] = str(error)
                tell(f"{contender.title}: {error}")
                continue
            finally:
                shutil.rmtree(place, ignore_errors=True)
            ours.append(found)
            tell(
                f"{contender.title}, run {turn + 1} of {runs}: {found.orders_per_core_second:,.0f} orders per"
                f" core-second, {found.orders_per_second:,.0f} per second"
            )
    figures = {
        name: {"failed": failed[name]} if name in failed else _summary(runs) for name, runs in done.items()
    }
    return {
        "orders": log.truth.orders,
        "json_bytes": log.json_bytes,
        "contenders": {one.name: _who(one) | figures[one.name] for one in contenders},
    }


def _who(contender: Contender) -> Found:
    return {
        "title": contender.title,
        "tuning": contender.tuning,
        "guarantees": contender.guarantees._asdict(),
    }


def _drained(contender: Contender, log: OrderLog, place: Path, most_seconds: float) -> Drained:
    seconds = min(most_seconds, START_SECONDS + log.truth.orders / LEAST_RATE)
    with running(contender, log.kafka, place) as run:
        drain(run, log.truth.orders, within_seconds=seconds)
        last = _complete(run, log.truth, contender)
        half, _ = second_half(run.samples, log.truth.orders)
        return Drained(last.core_seconds, last.seconds, log.truth.orders, half, last, run.peak_memory)


def _complete(run: Running, truth: Answers, contender: Contender) -> Sample:
    """
    The moment when both answers were right: who keeps them by queries of their own may have one before the
    other, and pays for our comparing until then.
    """
    last, deadline = run.samples[-1], monotonic() + SETTLES_WITHIN_SECONDS
    while (difference := _difference(run.answered(), truth)) is not None:
        if monotonic() > deadline:
            raise BenchmarkError(
                f"Comparing {contender.title} with the log: {difference}. Its figures do not count."
            )
        sleep(LOOK_SECONDS)
        last = run.look()
    return last


def _difference(found: Answers, truth: Answers) -> str | None:
    for name, ours, theirs in (
        ("product_sales_minute", truth.products, found.products),
        ("region_sales_minute", truth.regions, found.regions),
    ):
        if not ours.equals(theirs.cast(ours.schema)):
            return (
                f"{theirs.num_rows:,} rows of {name} instead of {ours.num_rows:,}, {found.revenue_cents:,}"
                f" cents of all orders instead of {truth.revenue_cents:,}"
            )
    return None


def second_half(samples: Sequence[Sample], orders: int) -> tuple[Sample, Sample]:
    """
    From the end of the batch that is nearest to the half of the log to the end of the log. All of it where
    that would mean nothing: batches are so large that none ends between a quarter and three quarters, or what
    was done for long comes out in a burst.
    """
    last = next(one for one in samples if one.orders >= orders)
    ends: dict[int, Sample] = {}
    for one in samples:
        if orders / 4 <= one.orders <= orders * 3 / 4:
            ends.setdefault(one.orders, one)
    half = min(ends.values(), key=lambda one: abs(one.orders - orders / 2), default=samples[0])
    first = next(one for one in samples if one.orders)
    is_steady = last.seconds - first.seconds >= STEADY * last.seconds
    return half if is_steady else samples[0], last


def _summary(runs: list[Drained]) -> Found:
    return {
        "orders_per_core_second": spread([one.orders_per_core_second for one in runs]),
        "orders_per_second": spread([one.orders_per_second for one in runs]),
        "whole_orders_per_core_second": spread([one.orders / one.core_seconds for one in runs]),
        "whole_seconds": spread([one.seconds for one in runs]),
        "database_share": spread([one.database_share for one in runs]),
        "peak_memory_bytes": spread([one.peak_memory for one in runs]),
    }


def ratio(found: Found, name: str, to: str) -> float | None:
    """Orders per core-second of `name` to those of `to`; None where one of them has none."""
    rates = [found["contenders"].get(one, {}).get("orders_per_core_second") for one in (name, to)]
    return rates[0]["median"] / rates[1]["median"] if rates[0] and rates[1] else None


def told(found: Found) -> str:
    """Markdown: the figures, then how each was tuned."""
    base = "saleslake"
    rows = []
    for name, one in found["contenders"].items():
        if "failed" in one:
            rows.append([one["title"], "did not count: " + one["failed"].splitlines()[0], *[""] * 6])
            continue
        rate, share = one["orders_per_core_second"], ratio(found, name, base)
        rows.append(
            [
                one["title"],
                in_cell(rate, ",.0f"),
                "" if share is None else f"{share:.2f}",
                f"{one['whole_orders_per_core_second']['median']:,.0f}",
                f"{one['orders_per_second']['median']:,.0f}",
                f"{found['orders'] / one['whole_seconds']['median']:,.0f}",
                f"{one['database_share']['median']:.0%}",
                f"{one['peak_memory_bytes']['median'] / 1e6:,.0f}",
            ]
        )
    head = ["", "orders per core-second (least to most)", "of Saleslake", "start included",
            "orders/s", "start included", "core-seconds of PostgreSQL", "memory, MB"]  # fmt: skip
    once = f"Who took more than {REPEATED_WITHIN_SECONDS // 60} minutes had one turn."
    tuned = "\n".join(f"- **{one['title']}**: {one['tuning']}" for one in found["contenders"].values())
    return f"{markdown(head, rows)}\n\n{once}\n\nHow each is tuned:\n\n{tuned}"
