"""What a mart holds for an hour, so that two of them can be compared."""

from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg import sql

from include.publish.marts import PUBLICATION_COLUMNS, Mart


class Content(NamedTuple):
    """What a mart holds for an hour."""

    row_count: int
    amount_cents: int
    content_hash: str


def content(
    connection: psycopg.Connection, mart: Mart, hour: datetime, *, table: sql.Identifier | None = None
) -> Content:
    """
    Count, sum and hash of the hour's rows, without the columns that only tell about the publication. `table`
    is another one of the mart's form.

    The hash is two sums over all rows of a 64-bit hash, so no order of rows matters. What is added up is the
    hash of PostgreSQL's hash of the row: that one is itself a sum over the columns, and two rows that swap a
    value would cancel out. It tells contents apart that differ by accident; it is no defence against somebody
    who looks for two that it does not. A NULL in front adds nothing to the hash of a row, and columns come
    newest first: one that the mart got later changes no hour that has nothing in it.
    """
    table = table or mart.table
    told = [name for name in columns_of(connection, table) if name not in PUBLICATION_COLUMNS]
    query = sql.SQL(
        "select count(*), coalesce(sum({amount}), 0)::bigint, concat_ws(':',"
        " coalesce(sum(hashtextextended(hash_record_extended(row({columns}), 0)::text, 0)), 0),"
        " coalesce(sum(hashtextextended(hash_record_extended(row({columns}), 1)::text, 1)), 0))"
        " from {table} where {hour}"
    ).format(
        amount=sql.Identifier(mart.amount),
        columns=sql.SQL(", ").join(map(sql.Identifier, told)),
        table=table,
        hour=in_hour(mart),
    )
    row = connection.execute(query, {"hour": hour}).fetchone()
    return Content(*row) if row else Content(0, 0, "")


def in_hour(mart: Mart) -> sql.SQL:
    of_day = "date_utc = (%(hour)s at time zone 'UTC')::date and " if mart.has_date else ""
    return sql.SQL(of_day + "hour_utc = %(hour)s")


def columns_of(connection: psycopg.Connection, table: sql.Identifier) -> list[str]:
    """The newest first."""
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
        " order by attnum desc",
        [table.as_string()],
    )
    return [name for (name,) in rows]
