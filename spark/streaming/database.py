"""The writer's way to PostgreSQL: one connection per user of it, mended when it breaks."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

from include.sales_db import connect
from include.settings import PostgresSettings

log = logging.getLogger(__name__)
T = TypeVar("T")


class Database:
    """A connection that is opened when first used and again after it broke. For one thread."""

    def __init__(self, postgres: PostgresSettings, *, application_name: str) -> None:
        self._postgres = postgres
        self._application_name = application_name
        self._connection: psycopg.Connection | None = None

    def run(self, work: Callable[[psycopg.Connection], T]) -> T:
        """Do `work` once. A broken connection is dropped, so that the next call opens another."""
        try:
            if self._connection is None:
                self._connection = self._connect()
            return work(self._connection)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self.close()
            raise

    def _connect(self) -> psycopg.Connection:
        # Autocommit, or the first SELECT would open a transaction in which every later one is but a
        # savepoint.
        connection = connect(self._postgres, application_name=self._application_name, autocommit=True)
        connection.execute("set lock_timeout = '10s'")
        connection.execute("set statement_timeout = '60s'")
        return connection

    def run_patiently(self, work: Callable[[psycopg.Connection], T], *, seconds: float) -> T:
        """
        Do `work`, and again while the server cannot be reached. `work` must bear being done twice:
        a connection lost in COMMIT leaves open which way it went.
        """
        deadline, pause = time.monotonic() + seconds, 0.5
        while True:
            try:
                return self.run(work)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if time.monotonic() + pause > deadline:
                    raise
                log.warning("PostgreSQL: %s; trying again in %.1f s", str(error).strip(), pause)
                time.sleep(pause)
                pause = min(pause * 2, 5)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
