"""
Watch the stream without Airflow: judge it every few seconds and restart it when it is stuck.

    python -m include.stream_watchdog    # until SIGTERM; a part of the stack, beside the lake writer

The process manager restarts a writer that dies by itself; this finds the one that is there and does nothing.
The DAG `supervise_streams` does the same once a minute, reports it, and so watches the watchdog too.
"""

import logging
import signal
import time
from collections.abc import Callable
from contextlib import closing
from threading import Event, Thread

import psycopg

from include.alerts import tell_due
from include.errors import StackError
from include.sales_db import connect
from include.settings import AlertSettings, PostgresSettings, SupervisionSettings, get_settings
from include.stream_incidents import record
from include.stream_runtime import runtime_of
from include.stream_watch import supervise
from include.watch import Watch

log = logging.getLogger("stream_watchdog")
RUN_ID = "watchdog"


class Watchdog:
    """Says what it sees when that changes, does what `supervise` does, and tells of incidents."""

    def __init__(
        self, postgres: PostgresSettings, settings: SupervisionSettings, alerts: AlertSettings
    ) -> None:
        self._postgres, self._settings, self._alerts = postgres, settings, alerts
        self._runtime = runtime_of(settings)
        self._last_said = ""

    def watch(self, stop: Event) -> None:
        """Until `stop`. A database or process manager that does not answer is waited for."""
        # A webhook that does not answer must not keep anybody from looking.
        teller = Thread(target=self._again_and_again, args=[self._tell_due, stop], name="teller", daemon=True)
        teller.start()
        self._again_and_again(self._look, stop)
        teller.join(timeout=1.0)

    def _again_and_again(self, step: Callable[[psycopg.Connection], None], stop: Event) -> None:
        while not stop.is_set():
            try:
                with closing(self._connect()) as connection:
                    while not stop.wait(self._settings.watch_seconds):
                        step(connection)
            except (psycopg.Error, StackError) as error:
                self._say(logging.WARNING, str(error).strip())
                stop.wait(self._settings.watch_seconds)

    def _connect(self) -> psycopg.Connection:
        connection = connect(self._postgres, application_name="stream-watchdog", autocommit=True)
        connection.execute("set statement_timeout = '30s'")
        return connection

    def _look(self, connection: psycopg.Connection) -> None:
        watch = supervise(connection, self._runtime, self._settings, RUN_ID)
        record(connection, watch, self._alerts)
        self._tell(watch)

    def _tell_due(self, connection: psycopg.Connection) -> None:
        tell_due(connection, self._alerts)

    def _tell(self, watch: Watch) -> None:
        verdict = watch.verdict
        if verdict.action == "none" and verdict.health != "stuck":
            self._say(logging.INFO, f"process {watch.process.pid} is {verdict.health}")
        else:
            said = f"process {watch.process.pid} is {verdict.health}: {verdict.text}."
            also = " See docs/runbooks/supervise_streams.md." if verdict.severity == "critical" else ""
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
    Watchdog(settings.postgres, settings.supervision, settings.alerts).watch(stop)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
