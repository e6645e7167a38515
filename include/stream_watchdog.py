"""
Watch the stream without Airflow: judge it every few seconds and restart it when it is stuck.

    python -m include.stream_watchdog    # until SIGTERM; a part of the stack, beside the lake writer

The process manager restarts a writer that dies by itself; this finds the one that is there and does nothing.
The DAG `supervise_streams` does the same once a minute, reports it, and so watches the watchdog too.
"""

import logging
import signal
import time
from contextlib import closing
from threading import Event

import psycopg

from include.errors import StackError
from include.process_manager import ProcessManager
from include.sales_db import connect
from include.settings import PostgresSettings, SupervisionSettings, get_settings
from include.stream_watch import Watch, supervise

log = logging.getLogger("stream_watchdog")
RUN_ID = "watchdog"


class Watchdog:
    """Says what it sees when that changes, and does what `supervise` does."""

    def __init__(self, postgres: PostgresSettings, settings: SupervisionSettings) -> None:
        self._postgres, self._settings = postgres, settings
        self._manager = ProcessManager(settings.supervisor_socket, settings.program)
        self._last_said = ""

    def watch(self, stop: Event) -> None:
        """Until `stop`. A database or process manager that does not answer is waited for."""
        while not stop.is_set():
            try:
                with closing(self._connect()) as connection:
                    while not stop.wait(self._settings.watch_seconds):
                        self._tell(supervise(connection, self._manager, self._settings, RUN_ID))
            except (psycopg.Error, StackError) as error:
                self._say(logging.WARNING, str(error).strip())
                stop.wait(self._settings.watch_seconds)

    def _connect(self) -> psycopg.Connection:
        connection = connect(self._postgres, application_name="stream-watchdog", autocommit=True)
        connection.execute("set statement_timeout = '30s'")
        return connection

    def _tell(self, watch: Watch) -> None:
        health, action, reasons = watch.verdict
        if health == "healthy":
            self._say(logging.INFO, f"process {watch.process.pid} is healthy")
        elif health in ("starting", "slow"):
            self._say(logging.INFO, f"process {watch.process.pid} is {health}")
        else:
            said = f"process {watch.process.pid} is {health}: {'; '.join(reasons)}."
            also = " See docs/runbooks/supervise_streams.md." if action == "refuse" else ""
            self._say(logging.WARNING, f"{said} {watch.done}{also}")

    def _say(self, level: int, what: str) -> None:
        """Once: a stream that is healthy for a day is one line, not one every few seconds."""
        if what != self._last_said:
            log.log(level, "%s", what)
            self._last_said = what


def main() -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.Formatter.converter = time.gmtime
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = get_settings()
    Watchdog(settings.postgres, settings.supervision).watch(stop)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
