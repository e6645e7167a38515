"""How long it took until the stream closed batches again. Judged from the ledger, afterwards."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles

from include.sales_db import connect
from include.settings import PostgresSettings

BATCHES = "select distinct closed_at from ops.ledger order by 1"
STARTS = "select pid, started_at from ops.stream_processes where stream = 'orders' order by started_at"
# The process manager tells the start of a process in whole seconds.
COARSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Disruption:
    """Something the stream had to recover from. `driver` is the process that must be replaced, if it must."""

    what: str
    begun: datetime
    over: datetime
    driver: int | None


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds from the disruption to the next closed batch; None where the next disruption came sooner."""

    what: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    count: int
    p50: float
    p95: float
    most: float


def read_recoveries(postgres: PostgresSettings, disruptions: Sequence[Disruption]) -> list[Recovery]:
    with closing(connect(postgres, application_name="chaos")) as connection:
        batches = [closed_at for (closed_at,) in connection.execute(BATCHES).fetchall()]
        starts = connection.execute(STARTS).fetchall()
    return recoveries(disruptions, batches, starts)


def recoveries(
    disruptions: Sequence[Disruption], batches: Sequence[datetime], starts: Iterable[tuple[int, datetime]]
) -> list[Recovery]:
    """
    Args:
        batches: when each was closed, ascending.
        starts: process and start of every driver, ascending.
    """
    drivers = list(starts)
    found = []
    for number, disruption in enumerate(disruptions):
        closed = _next(batches, _ready(disruption, drivers))
        later = [other.begun for other in disruptions[number + 1 :]]
        is_undisturbed = closed is not None and all(begun > closed for begun in later)
        seconds = (closed - disruption.begun).total_seconds() if closed and is_undisturbed else None
        found.append(Recovery(disruption.what, seconds))
    return found


def _ready(disruption: Disruption, drivers: list[tuple[int, datetime]]) -> datetime:
    """From when on a closed batch tells of recovery: a driver killed by half may still close its last one."""
    if disruption.driver is None:
        return disruption.over
    others = (
        started
        for pid, started in drivers
        if pid != disruption.driver and started > disruption.begun - COARSE
    )
    return max(next(others, disruption.over), disruption.over)


def _next(batches: Sequence[datetime], instant: datetime) -> datetime | None:
    place = bisect_right(batches, instant)
    return batches[place] if place < len(batches) else None


def spreads(found: Iterable[Recovery]) -> dict[str, Spread]:
    """p50, p95 and the largest, by what was done, where recovery was undisturbed."""
    by_kind: defaultdict[str, list[float]] = defaultdict(list)
    for recovery in found:
        if recovery.seconds is not None:
            by_kind[recovery.what].append(recovery.seconds)
    return {what: _spread(sorted(seconds)) for what, seconds in sorted(by_kind.items())}


def _spread(seconds: list[float]) -> Spread:
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    return Spread(len(seconds), round(cuts[49], 1), round(cuts[94], 1), round(seconds[-1], 1))
