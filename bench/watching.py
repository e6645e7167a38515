"""Asks PostgreSQL the same again and again, from a thread, while something else is measured."""

import threading
from contextlib import closing
from types import TracebackType
from typing import Self

import psycopg

from include.sales_db import connect
from include.settings import PostgresSettings

LOOK_SECONDS = 0.05


class Watch:
    """Within the block, `look` is called every 50 ms, with a connection of the thread's own."""

    def __init__(self, postgres: PostgresSettings) -> None:
        self._postgres = postgres
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def look(self, connection: psycopg.Connection) -> None:
        """For a subclass to say."""
        raise NotImplementedError

    def _watch(self) -> None:
        with closing(connect(self._postgres, application_name="bench", autocommit=True)) as connection:
            while not self._is_over.wait(LOOK_SECONDS):
                self.look(connection)
