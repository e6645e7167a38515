"""A stream that says what a test wants it to say, in a real database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import UUID

import psycopg

from include.sales_db import connect
from include.settings import PostgresSettings
from stack.postgres import PostgresServer

GENERATION = UUID("00000000-0000-4000-8000-000000000002")
TABLES = (
    "ops.ledger",
    "ops.hour_ledger",
    "ops.stream_progress",
    "ops.stream_restarts",
    "ops.stream_processes",
    "ops.stream_samples",
    "ops.ledger_audit",
    "ops.incidents",
)


@contextmanager
def empty_books(database: PostgresSettings, server: PostgresServer) -> Iterator[psycopg.Connection]:
    """A connection as sales_loader; nothing of an earlier test is there."""
    superuser = server.as_superuser(database.database)
    with connect(superuser, application_name="test", autocommit=True) as emptying:
        emptying.execute(f"truncate {', '.join(TABLES)}")
    with closing(connect(database, application_name="test", autocommit=True)) as opened:
        yield opened


def say(connection: psycopg.Connection, pid: int, *, heartbeat_age: int = 0, lag: int = 0) -> None:
    """The stream's own word: running, and how many records wait."""
    connection.execute(
        "insert into ops.stream_progress"
        " (stream, generation, state, lag_records, heartbeat_at, started_at, last_batch_at, pid) values"
        " ('orders', %s, 'running', %s, now() - make_interval(secs => %s), now() - interval '1 day',"
        "  case when %s > 0 then now() end, %s)"
        " on conflict (stream) do update set heartbeat_at = excluded.heartbeat_at, pid = excluded.pid,"
        " lag_records = excluded.lag_records",
        (GENERATION, lag, heartbeat_age, lag, pid),
    )


def close_batch(
    connection: psycopg.Connection,
    batch_id: int,
    offsets: tuple[int, int],
    *,
    quarantined: int = 0,
    seconds_ago: int = 0,
) -> None:
    """A ledger row of partition 0 without cents."""
    first, last = offsets
    connection.execute(
        "insert into ops.ledger (batch_id, topic, partition, start_offset, end_offset, read_rows, read_cents,"
        " silver_rows, silver_cents, duplicate_rows, duplicate_cents, quarantined_rows, quarantined_cents,"
        " generation, closed_at)"
        " values (%s, 'orders.v1', 0, %s, %s, %s, 0, %s, 0, 0, 0, %s, 0, %s,"
        "  now() - make_interval(secs => %s))",
        (
            batch_id,
            first,
            last,
            last - first,
            last - first - quarantined,
            quarantined,
            GENERATION,
            seconds_ago,
        ),
    )
