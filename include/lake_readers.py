"""
Who reads the lake's tables right now. A reader's session in PostgreSQL holds a shared advisory lock, which
dies with the session: a reader that is killed holds nothing.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from include.sales_db import connect
from include.settings import PostgresSettings

# Both keys of the advisory lock. Nobody takes it exclusively, so no reader ever waits for it.
READER_LOCK = (23071, 0)
READERS = """
select coalesce(nullif(activity.application_name, ''), 'unnamed') as name, pid,
    activity.backend_start as since
from pg_locks as held join pg_stat_activity as activity using (pid)
where held.locktype = 'advisory' and held.classid = %s and held.objid = %s and held.objsubid = 2
    and held.database = (select oid from pg_database where datname = current_database())
order by activity.backend_start
"""


class Reader(NamedTuple):
    """A session that reads the lake. `since`: when it began."""

    name: str
    pid: int
    since: datetime | None

    def __str__(self) -> str:
        since = f" since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if self.since else ""
        return f"{self.name} (PostgreSQL session {self.pid}{since})"


def begin_reading(connection: psycopg.Connection) -> None:
    """Until the session ends or `end_reading`, no file is deleted. Call it before a table is opened."""
    connection.execute("select pg_advisory_lock_shared(%s, %s)", READER_LOCK)


def end_reading(connection: psycopg.Connection) -> None:
    connection.execute("select pg_advisory_unlock_shared(%s, %s)", READER_LOCK)


@contextmanager
def reading(connection: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The session reads the lake inside the block."""
    begin_reading(connection)
    try:
        yield connection
    finally:
        # A session that broke holds nothing any more.
        with suppress(psycopg.Error):
            end_reading(connection)


@contextmanager
def reading_lake(postgres: PostgresSettings, *, application_name: str) -> Iterator[None]:
    """As `reading`, with a session of its own: for those whose other connections come and go."""
    with (
        closing(connect(postgres, application_name=application_name, autocommit=True)) as connection,
        reading(connection),
    ):
        yield


def readers(connection: psycopg.Connection) -> list[Reader]:
    """Whoever reads now, the longest first."""
    with connection.cursor(row_factory=class_row(Reader)) as cursor:
        cursor.execute(READERS, READER_LOCK)
        return cursor.fetchall()
