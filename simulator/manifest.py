"""
The truth manifest: an SQLite file with every record the simulator made, written before the record is sent.

What is in it survives `kill -9` of the simulator; several simulators may write to one file. An event's `ack`
is `unknown` until the broker has answered: a record that is `ok` is in Kafka, one that is `fail` is not, and
one that stays `unknown` may be.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from include.errors import SimulatorError
from simulator.orders import Event

BUSY_SECONDS = 60

SCHEMA = """
create table if not exists runs (
    run_id      text primary key,
    topic       text not null,
    seed        integer not null,
    started_at  text not null,
    arguments   text not null, -- JSON
    finished_at text           -- null while it runs, or when it was killed
);
create table if not exists events (
    run_id        text not null,
    seq           integer not null,
    event_id      text not null,
    order_id      text not null,
    ordered_at_ms integer not null, -- since 1970, UTC
    hour_utc      integer not null, -- start of the hour of ordered_at, in seconds since 1970
    region        text not null,
    channel       text not null,
    units         integer not null,
    goods_cents   integer not null, -- the lines alone
    total_cents   integer not null,
    fault         text,             -- null: a good order, new at this moment
    reasons       text not null,    -- what it must be quarantined for, comma-separated; '' for a good one
    content_hash  integer not null, -- of everything but event_id
    sent_at_ms    integer not null,
    ack           text not null default 'unknown' check (ack in ('ok', 'fail', 'unknown')),
    partition     integer,
    "offset"      integer,
    primary key (run_id, seq)
) without rowid;
"""

INSERT = (
    "insert into events (run_id, seq, event_id, order_id, ordered_at_ms, hour_utc, region, channel, units,"
    " goods_cents, total_cents, fault, reasons, content_hash, sent_at_ms)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
ACKNOWLEDGE = 'update events set ack = ?, partition = ?, "offset" = ? where run_id = ? and seq = ?'


@dataclass(frozen=True, slots=True)
class Ack:
    """How the broker answered for one event."""

    seq: int
    ack: Literal["ok", "fail", "unknown"]
    partition: int | None = None
    offset: int | None = None


class Manifest:
    """One run's part of the manifest at `path`, which is created when it is not there."""

    def __init__(self, path: Path, run_id: str) -> None:
        self.run_id = run_id
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            self._write_ahead()
            # In WAL mode what is committed outlives the process; only a dead machine could lose some.
            self._file.execute("pragma synchronous = normal")
            self._file.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise SimulatorError(
                f"Opening the truth manifest {path}: {error}. Nothing was sent."
                " Give another file with --manifest, or move this one away."
            ) from error

    def _write_ahead(self) -> None:
        """Set the file's mode; SQLite waits for no lock here, so who meets another at it asks again."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._file.execute("pragma journal_mode = wal")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._file.execute("begin immediate")
        try:
            yield self._file
        except BaseException:
            self._file.execute("rollback")
            raise
        self._file.execute("commit")

    def start(self, topic: str, seed: int, arguments: dict[str, Any]) -> None:
        with self._transaction() as file:
            file.execute(
                "insert into runs (run_id, topic, seed, started_at, arguments) values (?, ?, ?, ?, ?)",
                (self.run_id, topic, seed, datetime.now(UTC).isoformat(), json.dumps(arguments, default=str)),
            )

    def expect(self, events: Iterable[Event]) -> None:
        """Write events that are about to be sent."""
        now_ms = time.time_ns() // 1_000_000
        rows = (
            (self.run_id, e.seq, e.event_id, e.order_id, e.ordered_at_ms, e.hour_utc, e.region, e.channel,
             e.units, e.goods_cents, e.total_cents, e.fault, ",".join(e.reasons), e.content_hash, now_ms)
            for e in events
        )  # fmt: skip
        with self._transaction() as file:
            file.executemany(INSERT, rows)

    def acknowledge(self, acks: Iterable[Ack]) -> None:
        """Write how the broker answered."""
        rows = [(a.ack, a.partition, a.offset, self.run_id, a.seq) for a in acks]
        if rows:
            with self._transaction() as file:
                file.executemany(ACKNOWLEDGE, rows)

    def finish(self) -> None:
        with self._transaction() as file:
            file.execute(
                "update runs set finished_at = ? where run_id = ?",
                (datetime.now(UTC).isoformat(), self.run_id),
            )
        self._file.close()
