"""How old is an order when `live.*` has it? Watched from a thread, while orders arrive at an even pace."""

import threading
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from types import TracebackType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from include.sales_db import connect
from include.settings import PostgresSettings

LOOKS_EACH_SECOND = 20
ORDERS_EACH_SECOND = 200  # that stand for those that arrived between two looks
FRESHNESS = "select as_of, clock_timestamp() from live.freshness"


class Look(NamedTuple):
    as_of: datetime  # every order of before is in
    seen_at: datetime


class LatencyWatch:
    """
    Use it in a `with` block, then ask for `percentiles`.

    An order that arrived between two values of `as_of` was seen when the second one was. Orders are taken as
    evenly spread, so this needs no clock in the orders and no reading of the tables.
    """

    def __init__(self, postgres: PostgresSettings) -> None:
        self._postgres = postgres
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._changes: list[Look] = []

    def __enter__(self) -> "LatencyWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def percentiles(self) -> dict[str, float]:
        """Seconds: p50, p95, p99, max; and how many batches came in."""
        return percentiles(self._changes)

    def _watch(self) -> None:
        with closing(
            connect(self._postgres, application_name="bench latency", autocommit=True)
        ) as connection:
            while not self._is_over.wait(1 / LOOKS_EACH_SECOND):
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
