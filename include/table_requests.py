"""
Asks the lake writer to do something to the lake's tables: it alone may write there, and does it between two
batches (`ops.table_requests`).
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from include.errors import TableRequestFailed, TableRequestRefused
from lake.tables import TABLES, Table

SQL = Path(__file__).with_name("sql")
Connecting = Callable[[], AbstractContextManager[psycopg.Connection]]
# A writer that ends again and again with the same request at hand ends because of it.
MOST_ATTEMPTS = 3
TABLES_BY_NAME = {table.full_name: table for table in TABLES}


@dataclass(frozen=True, slots=True)
class TableRequest:
    """One row of ops.table_requests."""

    request_id: int
    kind: str
    arguments: Mapping[str, Any]
    requested_by: str
    state: str
    attempts: int
    result: Mapping[str, Any] | None
    detail: str

    def __str__(self) -> str:
        return f"table request {self.request_id} ({self.kind})"


@dataclass(frozen=True, slots=True)
class Optimize:
    """Compact the small files of a table, all of them or those of some days."""

    table: Table
    days: tuple[date, ...] = ()

    KIND = "optimize"

    def as_arguments(self) -> dict[str, Any]:
        return {"table": self.table.full_name, "days": [day.isoformat() for day in self.days]}

    @classmethod
    def parse(cls, arguments: Mapping[str, Any]) -> "Optimize":
        """
        Raises:
            TableRequestRefused: there is no such table, or something is no date.
        """
        try:
            days = tuple(date.fromisoformat(day) for day in arguments.get("days", ()))
            return cls(TABLES_BY_NAME[arguments["table"]], days)
        except (KeyError, TypeError, ValueError) as error:
            known = ", ".join(TABLES_BY_NAME)
            raise refused(cls.KIND, arguments, f"{error!r}; tables are {known}") from error


@dataclass(frozen=True, slots=True)
class ReplaceHours:
    """Swap the orders of some hours in silver and gold for those that a rebuild left under `shadow`."""

    shadow: str  # name of the side tables
    since: datetime  # the first hour
    until: datetime  # the first hour after the last
    up_to: int  # the last batch that was rebuilt; what came later stays as it is
    # By table: the content that was held against the rebuild, and the rebuild's. Anything else is refused.
    compared: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    KIND = "replace_hours"

    def as_arguments(self) -> dict[str, Any]:
        return {
            "shadow": self.shadow,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "up_to": self.up_to,
            **(
                {"compared": {name: list(pair) for name, pair in self.compared.items()}}
                if self.compared
                else {}
            ),
        }

    @classmethod
    def parse(cls, arguments: Mapping[str, Any]) -> "ReplaceHours":
        """
        Raises:
            TableRequestRefused: an argument is missing, or a time is not a full hour.
        """
        try:
            since, until = (full_hour(arguments[name]) for name in ("since", "until"))
            shadow, up_to = str(arguments["shadow"]), int(arguments["up_to"])
            compared = {
                TABLES_BY_NAME[name].full_name: (str(held), str(rebuilt))
                for name, (held, rebuilt) in arguments.get("compared", {}).items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise refused(cls.KIND, arguments, repr(error)) from error
        if until <= since or "/" in shadow or shadow.startswith("."):
            raise refused(cls.KIND, arguments, "`until` is not after `since`, or `shadow` is no plain name")
        return cls(shadow, since, until, up_to, compared)


@dataclass(frozen=True, slots=True)
class Vacuum:
    """Delete the files of a table that no version within its retention needs."""

    table: Table

    KIND = "vacuum"

    def as_arguments(self) -> dict[str, Any]:
        return {"table": self.table.full_name}

    @classmethod
    def parse(cls, arguments: Mapping[str, Any]) -> "Vacuum":
        """
        Raises:
            TableRequestRefused: there is no such table, or something else is asked for too.
        """
        if strange := arguments.keys() - {"table"}:
            raise refused(cls.KIND, arguments, f"{', '.join(sorted(strange))}: only the table can be chosen")
        return cls(Optimize.parse(arguments).table)


def full_hour(text: str) -> datetime:
    """
    Raises:
        ValueError: it is no full hour.
    """
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment != moment.replace(minute=0, second=0, microsecond=0):
        raise ValueError(f"{text} is not a full hour")
    return moment


def refused(kind: str, arguments: Mapping[str, Any], finding: str) -> TableRequestRefused:
    return TableRequestRefused(
        f"Table request {kind} with {dict(arguments)}: {finding}. No table was changed."
        " Ask again with arguments as docs/contracts/lake.md has them."
    )


def ask(connection: psycopg.Connection, what: Optimize | ReplaceHours | Vacuum, *, by: str) -> int:
    """Put a request down. Returns its number; the lake writer takes it up after its next batch."""
    row = connection.execute(
        "insert into ops.table_requests (kind, arguments, requested_by) values (%s, %s, %s)"
        " returning request_id",
        [what.KIND, Jsonb(what.as_arguments()), by],
    ).fetchone()
    assert row is not None  # noqa: S101 - `returning` gives a row
    return row[0]


def read(connection: psycopg.Connection, request_id: int) -> TableRequest:
    with connection.cursor(row_factory=class_row(TableRequest)) as cursor:
        cursor.execute((SQL / "table_request.sql").read_bytes(), [request_id])
        found = cursor.fetchone()
    if found is None:
        raise TableRequestFailed(f"Reading table request {request_id}: ops.table_requests has no such row.")
    return found


def await_outcome(connecting: Connecting, request_id: int, *, seconds: float) -> TableRequest:
    """
    The request when it is done.

    Args:
        connecting: opens a connection; a server that is away for a moment is asked again.

    Raises:
        TableRequestFailed: it failed, or is not done in time; then it is carried out later all the same.
    """
    deadline, found = monotonic() + seconds, "not read yet"
    while monotonic() < deadline:
        try:
            with connecting() as connection:
                request = read(connection, request_id)
        except psycopg.OperationalError as error:
            found = f"unknown ({str(error).splitlines()[0]})"
        else:
            found = request.state
            if found == "done":
                return request
            if found == "failed":
                raise TableRequestFailed(f"{request} failed: {request.detail}")
        sleep(0.5)
    raise TableRequestFailed(
        f"Table request {request_id} is {found} after {seconds:.0f} s. It stays in ops.table_requests and is"
        " carried out when the lake writer comes to it: `saleslake status` shows whether it runs."
    )


# The lake writer's side.


def is_any_open(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "select exists (select from ops.table_requests where state in ('waiting', 'running'))"
    ).fetchone()
    return bool(row and row[0])


def begin_next(connection: psycopg.Connection) -> TableRequest | None:
    """The oldest request that is not finished, now begun. None when there is none."""
    with connection.cursor(row_factory=class_row(TableRequest)) as cursor:
        cursor.execute((SQL / "begin_table_request.sql").read_bytes())
        return cursor.fetchone()


def finish(connection: psycopg.Connection, request_id: int, result: Mapping[str, Any]) -> None:
    connection.execute(
        "update ops.table_requests set state = 'done', result = %s, finished_at = now()"
        " where request_id = %s and state = 'running'",
        [Jsonb(dict(result)), request_id],
    )


def fail(connection: psycopg.Connection, request_id: int, detail: str) -> None:
    connection.execute(
        "update ops.table_requests set state = 'failed', detail = %s, finished_at = now()"
        " where request_id = %s and state = 'running'",
        [detail, request_id],
    )
