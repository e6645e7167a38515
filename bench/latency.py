"""How old is an order when `live.*` has it? Watched from a thread, while orders arrive at an even pace."""

from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from bench.watching import Watch
from include.settings import PostgresSettings

ORDERS_EACH_SECOND = 200  # that stand for those that arrived between two looks
FRESHNESS = "select as_of, clock_timestamp() from live.freshness"


class Look(NamedTuple):
    as_of: datetime  # every order of before is in
    seen_at: datetime


class LatencyWatch(Watch):
    """
    Use it in a `with` block, then ask for `percentiles`.

    An order that arrived between two values of `as_of` was seen when the second one was. Orders are taken as
    evenly spread, so this needs no clock in the orders and no reading of the tables.
    """

    def __init__(self, postgres: PostgresSettings) -> None:
        super().__init__(postgres)
        self._changes: list[Look] = []

    def percentiles(self) -> dict[str, float]:
        """Seconds: p50, p95, p99, max; and how many batches came in."""
        return percentiles(self._changes)

    def look(self, connection: psycopg.Connection) -> None:
        row = connection.execute(FRESHNESS).fetchone()
        if row and row[0] and (not self._changes or row[0] > self._changes[-1].as_of):
            self._changes.append(Look(*row))


def percentiles(changes: list[Look]) -> dict[str, float]:
    """Of every order that arrived between the first and the last of `changes`."""
    ages = [_ages(before, after) for before, after in pairwise(changes)]
    if not ages:
        return {"batches": 0}
    p50, p95, p99, most = np.percentile(np.concatenate(ages), [50, 95, 99, 100])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99), "max": float(most), "batches": len(ages)}


def _ages(before: Look, after: Look) -> npt.NDArray[np.float64]:
    youngest = (after.seen_at - after.as_of).total_seconds()
    oldest = (after.seen_at - before.as_of).total_seconds()
    return np.linspace(youngest, oldest, max(2, round((oldest - youngest) * ORDERS_EACH_SECOND)))
