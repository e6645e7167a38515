"""`ops.hour_rebuilds`: what was compared, and what became of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from include.errors import RebuildFailed
from include.rebuild.comparison import Comparison

# A rebuild that is done again begins anew: nobody has decided about what it compares now.
RECORDED = """
insert into ops.hour_rebuilds (name, since, until, up_to, requested_by, state, comparison)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (name) do update set
    since = excluded.since, until = excluded.until, up_to = excluded.up_to,
    requested_by = excluded.requested_by, state = excluded.state, comparison = excluded.comparison,
    compared_at = now(), decided_by = null, finished_at = null
"""
READ = """
select name, since, until, up_to, requested_by, state, comparison, decided_by
from ops.hour_rebuilds where name = %s
"""


class Rebuild(NamedTuple):
    """One row."""

    name: str
    since: datetime
    until: datetime
    up_to: int
    requested_by: str
    state: str
    comparison: Mapping[str, Any]
    decided_by: str | None

    @property
    def compared(self) -> Comparison:
        return Comparison.parse(self.comparison)


def record(
    connection: psycopg.Connection, name: str, hours: tuple[datetime, datetime], up_to: int, by: str,
    found: Comparison,
) -> None:  # fmt: skip
    """Put down what a rebuild of `hours` (first, first after the last) compared. Twice is once."""
    connection.execute(RECORDED, [name, *hours, up_to, by, found.state, Jsonb(found.as_json())])


def read(connection: psycopg.Connection, name: str) -> Rebuild:
    """
    Raises:
        RebuildFailed: nothing was compared under that name.
    """
    with connection.cursor(row_factory=class_row(Rebuild)) as cursor:
        found = cursor.execute(READ, [name]).fetchone()
    if found is None:
        raise RebuildFailed(
            f"Reading the rebuild {name}: ops.hour_rebuilds has no such row, so nothing was compared. No"
            " table was changed. Clear the run: it rebuilds the hours again."
        )
    return found


def undecided(connection: psycopg.Connection) -> set[str]:
    """Names of rebuilds in which something differs and nobody has swapped it or said no: they are needed."""
    query = "select name from ops.hour_rebuilds where state = 'different' and finished_at is null"
    return {name for (name,) in connection.execute(query)}


def conclude(connection: psycopg.Connection, name: str, state: str, decided_by: str | None) -> None:
    connection.execute(
        "update ops.hour_rebuilds set state = %s, decided_by = %s, finished_at = now() where name = %s",
        [state, decided_by, name],
    )
