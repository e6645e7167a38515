"""I9 and I10: what readers see while things happen, by threads that wait for a server that is down."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from time import monotonic

import psycopg

from include.reconcile.checks import Problems
from include.sales_db import connect
from include.settings import PostgresSettings
from lake.tables import TABLES
from stack.invariants.finding import Finding, judged

READER_SECONDS = 0.05
HISTORY_SECONDS = 0.5
SQL = Path(__file__).with_name("sql")
ENDS = "select topic || '/' || partition, max(end_offset) from ops.ledger group by 1"
VERSIONS = "select mart || ' of ' || hour_utc::text, max(version) from marts.publications group by 1"


class Poller(threading.Thread):
    """Looks every `seconds` until it is stopped."""

    def __init__(self, postgres: PostgresSettings, *, name: str, seconds: float) -> None:
        super().__init__(name=name, daemon=True)
        self._postgres, self._seconds = postgres, seconds
        self._stop_wanted = threading.Event()
        self.looks = self.outages = 0
        self.problems = Problems()

    def look(self, connection: psycopg.Connection) -> None:
        raise NotImplementedError

    def run(self) -> None:
        try:
            while not self._stop_wanted.is_set():
                self._look_until_outage()
        except Exception as error:  # a poller that broke off has seen nothing since: that is a violation
            self.problems.add([f"the poller {self.name} broke off: {error!r}"])

    def _look_until_outage(self) -> None:
        try:
            with closing(connect(self._postgres, application_name=self.name, autocommit=True)) as connection:
                while not self._stop_wanted.is_set():
                    began = monotonic()
                    self.look(connection)
                    self.looks += 1
                    self._stop_wanted.wait(max(0.0, self._seconds - (monotonic() - began)))
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self.outages += 1
            self._stop_wanted.wait(0.2)

    def stop(self) -> None:
        self._stop_wanted.set()
        self.join(timeout=60)


class MartsReader(Poller):
    """Adds up every mart by hour, as a BI tool does; in the same snapshot, what marts.publications lists."""

    def __init__(self, postgres: PostgresSettings) -> None:
        as_reader = postgres.model_copy(update={"user": "sales_reader"})
        super().__init__(as_reader, name="invariant I9", seconds=READER_SECONDS)
        self._query = (SQL / "torn_totals.sql").read_bytes()
        self.totals = 0

    def look(self, connection: psycopg.Connection) -> None:
        totals, torn = connection.execute(self._query).fetchone() or (0, [])
        self.totals += totals
        self.problems.add(torn)

    def finding(self) -> Finding:
        return judged(
            "I9", {"looks": self.looks, "totals": self.totals}, [], [self.problems.as_check("marts")]
        )


class Monotonic:
    """Values by name that may grow and must not shrink or vanish."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def see(self, values: Mapping[str, int]) -> Iterator[str]:
        """What went back since the last time."""
        for name, last in self._last.items():
            now = values.get(name)
            if now is None:
                yield f"{name}: gone, it was {last}"
            elif now < last:
                yield f"{name}: {now} after {last}"
        self._last.update(values)


class History(Poller):
    """Delta versions, ledger offsets and published versions, again and again."""

    def __init__(self, postgres: PostgresSettings, lake_root: Path) -> None:
        super().__init__(postgres, name="invariant I10", seconds=HISTORY_SECONDS)
        self._root = lake_root
        self._seen = {"Delta version": Monotonic(), "ledger offset": Monotonic(), "version": Monotonic()}
        self.values = 0

    def look(self, connection: psycopg.Connection) -> None:
        now = {
            "Delta version": delta_versions(self._root),
            "ledger offset": dict(connection.execute(ENDS).fetchall()),
            "version": dict(connection.execute(VERSIONS).fetchall()),
        }
        for kind, values in now.items():
            self.values += len(values)
            self.problems.add(f"{kind} of {gone_back}" for gone_back in self._seen[kind].see(values))

    def finding(self) -> Finding:
        counts = {"looks": self.looks, "values": self.values}
        return judged("I10", counts, [], [self.problems.as_check("history")])


def delta_versions(root: Path) -> dict[str, int]:
    """The newest version of every table that has one."""
    newest = {
        table.full_name: max((int(log.stem) for log in _logs(table.path(root))), default=-1)
        for table in TABLES
    }
    return {name: version for name, version in newest.items() if version >= 0}


def _logs(table: Path) -> Iterator[Path]:
    return (table / "_delta_log").glob("[0-9]*[0-9].json")
