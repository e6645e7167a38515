"""What an extract reads of PostgreSQL: which hours there are, and their rows as a file of CSV."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql

from bi.contract import SCHEMA, Contract
from bi.extracts.tables import HOURS_AT_ONCE, Published

# Of a mart at a time: some ten megabytes on the disk, and what a killed refresh reads again.
BATCH_ROWS = 200_000
# CSV spells dates by the session's habits.
SPELLING = "set local datestyle = 'ISO'; set local timezone = 'UTC'"
PUBLISHED = """
select mart, hour_utc, version, published_at, row_count
from marts.current_publications
where mart = any(%(marts)s)
order by mart, hour_utc
"""


def published(connection: psycopg.Connection, marts: Sequence[str]) -> dict[Published, int]:
    """Every hour of these marts with its version, by time, and how many rows it has."""
    connection.execute(SPELLING)
    rows = connection.execute(PUBLISHED, {"marts": list(marts)})
    return {Published(*hour): count for *hour, count in rows}


def batches(hours: dict[Published, int]) -> Iterator[list[Published]]:
    """Hours of one mart in their order, about BATCH_ROWS at a time."""
    batch: list[Published] = []
    rows = 0
    for hour, count in hours.items():
        if batch and (rows + count > BATCH_ROWS or len(batch) == HOURS_AT_ONCE):
            yield batch
            batch, rows = [], 0
        batch.append(hour)
        rows += count
    if batch:
        yield batch


def whole_table(contract: Contract, name: str) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, contract.marts[name].columns))
    return sql.SQL("select {} from {}").format(columns, sql.Identifier(SCHEMA, name))


def hours_of(contract: Contract, mart: str, hours: Sequence[datetime]) -> sql.Composed:
    """Their rows. The days are said too, where a table is partitioned by them."""
    query = whole_table(contract, mart) + sql.SQL(" where hour_utc = any({})").format(
        sql.Literal(list(hours))
    )
    if "date_utc" not in contract.marts[mart].columns:
        return query
    return query + sql.SQL(" and date_utc between {} and {}").format(
        sql.Literal(hours[0].date()), sql.Literal(hours[-1].date())
    )


@contextmanager
def as_file(connection: psycopg.Connection, query: sql.Composed, beside: Path) -> Iterator[Path]:
    """
    The rows of `query` as CSV, for the block. They pass through in pieces, so memory stays small.

    PostgreSQL writes null as nothing and an empty text in quotes, which is how Hyper reads them.
    """
    file = beside.with_suffix(".rows")
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    copy = sql.SQL("copy ({}) to stdout (format csv)").format(query)
    try:
        with file.open("wb") as rows, connection.cursor() as cursor, cursor.copy(copy) as stream:
            for piece in stream:
                rows.write(piece)
        yield file
    finally:
        file.unlink(missing_ok=True)
