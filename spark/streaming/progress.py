"""
Tell PostgreSQL every few seconds that the writer lives, how far Kafka is ahead and how fresh the lake is.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from kafka.errors import KafkaError

from spark.streaming.database import Database
from spark.streaming.generation import Generation

log = logging.getLogger(__name__)
SQL = Path(__file__).with_name("sql")


class Heartbeat:
    """
    The row of stream `orders` in ops.stream_progress, kept by a thread of its own.

    Args:
        end_offsets: asks Kafka for the first free offset of every partition.
        seconds: between two beats.
    """

    def __init__(
        self,
        database: Database,
        generation: Generation,
        end_offsets: Callable[[], Mapping[int, int]],
        *,
        seconds: float,
    ) -> None:
        self._database, self._generation, self._end_offsets = database, generation, end_offsets
        self._seconds = seconds
        self._state, self._detail = "starting", ""
        self._closed: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_ended, name="heartbeat", daemon=True)

    def start(self, closed_offsets: Mapping[int, int]) -> None:
        """
        Announce the start. `closed_offsets` is the first offset after the last closed batch, by partition.
        """
        self._closed.update(closed_offsets)
        self._database.run(self._announce)
        self._thread.start()

    def say(self, state: str, detail: str = "") -> None:
        """Change the state; the next beat tells it."""
        self._state, self._detail = state, detail

    def batch_closed(self, end_offsets: Mapping[int, int]) -> None:
        self._closed = {**self._closed, **end_offsets}

    def end(self, state: str, detail: str = "") -> None:
        """Say the last word and end the thread."""
        self.say(state, detail)
        self._ended.set()
        self._thread.join(timeout=2 * self._seconds)
        # Without asking Kafka, which may be what ended the stream, or may still be asked by the thread.
        self._beat(lambda: {"lag_records": None, "as_of": None, "detail": self._detail})

    def _beat_until_ended(self) -> None:
        while not self._ended.wait(self._seconds):
            self._beat(self._measure)

    def _beat(self, measure: Callable[[], dict[str, Any]]) -> None:
        try:
            self._database.run(lambda connection: self._tell(connection, measure()))
        except Exception as error:
            # The batch's own connections decide whether the stream can go on; a missed beat is only silence,
            # and whatever missed it must not silence the next one.
            log.warning("Heartbeat not told: %s", str(error).strip() or repr(error))

    def _measure(self) -> dict[str, Any]:
        asked_at = datetime.now(UTC)
        try:
            ahead = self._end_offsets()
        except KafkaError as error:
            return {"lag_records": None, "as_of": None, "detail": f"Kafka does not answer: {error}"}
        lag = sum(end - self._closed.get(partition, 0) for partition, end in ahead.items())
        return {"lag_records": lag, "as_of": asked_at if lag == 0 else None, "detail": self._detail}

    def _tell(self, connection: psycopg.Connection, measured: dict[str, Any]) -> None:
        with connection.transaction():
            binds = {**measured, "state": self._state, "generation": self._generation.uuid}
            connection.execute((SQL / "heartbeat.sql").read_bytes(), binds)

    def _announce(self, connection: psycopg.Connection) -> None:
        with connection.transaction():
            binds = {"generation": self._generation.uuid, "pid": os.getpid()}
            connection.execute((SQL / "announce_start.sql").read_bytes(), binds)
