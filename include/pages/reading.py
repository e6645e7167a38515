"""How a page reads the database: one moment, read only, and not for long."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from include.sales_db import connect
from include.settings import PostgresSettings

SQL = Path(__file__).with_name("sql")
# A page asks every few seconds: a server that cannot answer by then is not helped by a second question.
STATEMENT_TIMEOUT_SECONDS = 5
Row = dict[str, Any]


@contextmanager
def moment(
    postgres: PostgresSettings, role: Literal["sales_reader", "sales_loader"]
) -> Iterator[psycopg.Connection]:
    """
    A connection whose queries all see the same moment and cannot change anything.

    Args:
        role: `sales_reader` sees `live` and `marts`, `sales_loader` also `ops`.
    """
    asking = postgres.model_copy(update={"user": role})
    with closing(connect(asking, application_name="saleslake-pages")) as connection:
        connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        connection.set_read_only(True)
        with connection.transaction():
            connection.execute(
                "select set_config('statement_timeout', %s, true)", [f"{STATEMENT_TIMEOUT_SECONDS}s"]
            )
            yield connection


def rows(connection: psycopg.Connection, name: str, **values: object) -> list[Row]:
    """The rows of `sql/<name>.sql`, `values` bound, times as text in UTC."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute((SQL / f"{name}.sql").read_bytes(), values).fetchall()
    return [{key: plain(value) for key, value in row.items()} for row in found]


def plain(value: object) -> object:
    return utc_text(value) if isinstance(value, datetime) else value


def utc_text(instant: datetime | None) -> str | None:
    """As JavaScript reads it: ISO 8601 with Z."""
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
