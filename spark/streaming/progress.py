"""
Tell PostgreSQL every few seconds that the writer lives, how far Kafka is ahead and how fresh the lake is.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg

from spark.streaming.database import Database

log = logging.getLogger(__name__)
SQL = Path(__file__).with_name("sql")
# Some thousand orders are read into the index in less.
INDEX_PIECE_SECONDS = 60


class Lag(NamedTuple):
    """How far Kafka is ahead. `as_of`: everything it had by then is in the lake."""

    partitions: Mapping[int, int] | None = None  # records by partition; None: Kafka does not say
    as_of: datetime | None = None
    trouble: str = ""

    @property
    def records(self) -> int | None:
        return None if self.partitions is None else sum(self.partitions.values())


class Heartbeat:
    """
    The row of stream `orders` in ops.stream_progress, kept by a thread of its own. Another one asks Kafka: a
    broker that is slow to answer must not make the writer look dead.

    Args:
        seconds: between two beats.
        beaten: called after every beat that was told, with the lag by partition and `as_of` that it told.
    """

    def __init__(
        self,
        database: Database,
        *,
        seconds: float,
        beaten: Callable[[Mapping[int, int] | None, datetime | None], None] = lambda lag, as_of: None,
    ) -> None:
        self._database, self._seconds, self._beaten = database, seconds, beaten
        self._state, self._detail, self._lag = "starting", "", Lag()
        self._generation: str | None = None
        self._busy: tuple[str, datetime] | None = None
        self._closed: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_ended, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Announce the start, and beat from now on."""
        self._database.run(self._announce)
        self._thread.start()

    def follow(
        self,
        generation: str,
        closed_offsets: Mapping[int, int],
        end_offsets: Callable[[], Mapping[int, int]],
    ) -> None:
        """
        From now on tell the lag too.

        Args:
            closed_offsets: the first offset after the last closed batch, by partition.
            end_offsets: asks Kafka for the first free offset of every partition.
        """
        self._generation = generation
        self._closed.update(closed_offsets)
        threading.Thread(
            target=self._measure_until_ended, args=[end_offsets], name="lag", daemon=True
        ).start()

    def say(self, state: str, detail: str = "") -> None:
        """Change the state; the next beat tells it."""
        self._state, self._detail = state, detail

    def busy(self, with_what: str, seconds: float) -> None:
        """It does something else than batches, for so long at most: judge it by what comes after that."""
        self._busy = (with_what, datetime.now(UTC) + timedelta(seconds=seconds))

    def index_grows(self, go_on: Callable[[], None], count: int) -> None:
        """It takes as long as silver is large: that is a start for as long as it gets on."""
        go_on()
        self.busy(f"the order index, {count} orders read", INDEX_PIECE_SECONDS)

    @contextmanager
    def busy_within(self, with_what: str, seconds: float) -> Iterator[None]:
        """The same for the block."""
        self.busy(with_what, seconds)
        try:
            yield
        finally:
            self.busy(with_what, 0)

    def batch_closed(self, end_offsets: Mapping[int, int]) -> None:
        self._closed = {**self._closed, **end_offsets}

    def end(self, state: str, detail: str = "") -> None:
        """Say the last word and end the threads."""
        self.say(state, detail)
        self._ended.set()
        self._thread.join(timeout=2 * self._seconds)
        self._lag = Lag()
        self._beat()

    def _beat_until_ended(self) -> None:
        while not self._ended.wait(self._seconds):
            self._beat()

    def _beat(self) -> None:
        lag = self._lag
        try:
            self._database.run(lambda connection: self._tell(connection, lag))
            self._beaten(lag.partitions, lag.as_of)
        except Exception as error:
            # The batch's own connections decide whether the stream can go on; a missed beat is only silence,
            # and whatever missed it must not silence the next one.
            log.warning("Heartbeat not told: %s", str(error).strip() or repr(error))

    def _measure_until_ended(self, end_offsets: Callable[[], Mapping[int, int]]) -> None:
        while True:
            self._lag = self._measured(end_offsets)
            if self._ended.wait(self._seconds):
                return

    def _measured(self, end_offsets: Callable[[], Mapping[int, int]]) -> Lag:
        asked_at = datetime.now(UTC)
        try:
            ahead = end_offsets()
        except Exception as error:
            # Whatever it was, the last lag is not true any more, and this thread must ask again.
            return Lag(trouble=f"Kafka does not answer: {str(error).strip() or repr(error)}")
        lag = {partition: end - self._closed.get(partition, 0) for partition, end in ahead.items()}
        return Lag(lag, None if any(lag.values()) else asked_at)

    def _tell(self, connection: psycopg.Connection, lag: Lag) -> None:
        busy = self._busy
        binds = {
            "state": self._state,
            "detail": self._detail or lag.trouble,
            "generation": self._generation,
            "lag_records": lag.records,
            "as_of": lag.as_of,
            "pid": os.getpid(),
            "busy_with": busy[0] if busy else None,
            "busy_until": busy[1] if busy else None,
        }
        with connection.transaction():
            connection.execute((SQL / "heartbeat.sql").read_bytes(), binds)

    def _announce(self, connection: psycopg.Connection) -> None:
        with connection.transaction():
            connection.execute((SQL / "announce_start.sql").read_bytes(), {"pid": os.getpid()})
