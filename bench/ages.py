"""How old was each order when the answers had it? From when it arrived, and how many were in when."""

from collections.abc import Callable, Sequence
from time import sleep, time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from bench.order_log import polled
from bench.watching import LOOK_SECONDS, Watch
from include.settings import KafkaSettings, PostgresSettings

# A backlog that gets larger than this many times what it was, and half a second of orders more, grows.
GROWS_FROM, GROWS_BY_SECONDS = 1.5, 0.5
Seconds = npt.NDArray[np.float64]


class Look(NamedTuple):
    at: float  # seconds since 1970
    orders: int  # in the answers


class CountWatch(Watch):
    """How many orders are in the answers, over and over."""

    def __init__(self, answers: PostgresSettings, query: str) -> None:
        super().__init__(answers)
        self._query = query.encode()
        self.looks: list[Look] = []

    @property
    def orders(self) -> int:
        return self.looks[-1].orders if self.looks else 0

    def wait_for(self, orders: int, *, seconds: float, look: Callable[[], object] = lambda: None) -> bool:
        """Whether so many were in within that time; `look` is called each second meanwhile."""
        until, next_look = time() + seconds, 0.0
        while self.orders < orders and time() < until:
            if time() >= next_look:
                look()
                next_look = time() + 1
            sleep(LOOK_SECONDS)
        return self.orders >= orders

    def look(self, connection: psycopg.Connection) -> None:
        try:
            row = connection.execute(self._query).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return
        # Taken after the answer: an order is never made younger than it was.
        self.looks.append(Look(time(), int(row[0]) if row else 0))


def arrivals(topic: KafkaSettings) -> Seconds:
    """When the broker stored each record of the topic, sorted: seconds since 1970."""
    return np.sort([record.timestamp / 1_000 for records in polled(topic) for record in records])


def ages(arrived: Seconds, looks: Sequence[Look]) -> Seconds:
    """
    Of every order, in the order they came. Order number k was seen by the first look that counted k of them:
    who lets a younger one go first gains nothing. NaN: never seen.
    """
    counts = np.maximum.accumulate([look.orders for look in looks] or [0])
    moments = np.array([*(look.at for look in looks), np.nan])
    first = np.searchsorted(counts, np.arange(1, len(arrived) + 1), side="left")
    seen: Seconds = moments[np.minimum(first, len(moments) - 1)] - arrived
    return seen


def backlogs(arrived: Seconds, looks: Sequence[Look]) -> Seconds:
    """At each look, how many had arrived and were not in the answers."""
    there = np.searchsorted(arrived, [look.at for look in looks], side="right")
    return np.asarray(there - np.array([look.orders for look in looks]), dtype=np.float64)


def grows(backlog: Seconds, rate: float) -> bool:
    """Is more waiting in the last third of the time than in the first?"""
    third = max(1, len(backlog) // 3)
    before, after = np.median(backlog[:third]), np.median(backlog[-third:])
    return bool(after > GROWS_FROM * before + GROWS_BY_SECONDS * rate)
