"""
The marts of some hours, made from the staged day in temp tables: audited there before anybody can read them.

What is published afterwards are these very rows, and must come out the same: `Content` tells.
"""

from collections.abc import Iterable
from datetime import datetime
from io import BytesIO
from typing import NamedTuple

import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import sql

from include.publish.content import Content, content
from include.publish.hour import Release
from include.publish.marts import MARTS, STAGED_PREFIX, Mart, execute, staged, statement
from include.publish.staging import use_memory
from include.quality.tables import Checked

# PostgreSQL's numbers of the types that occur in marts.
ARROW_TYPES = {
    16: pa.bool_(),
    20: pa.int64(),
    23: pa.int64(),
    25: pa.string(),
    1082: pa.date32(),
    1184: pa.timestamp("us", "UTC"),
    1700: pa.float64(),
}
BOOLEANS = {"true_values": ["t"], "false_values": ["f"]}


class Staged(NamedTuple):
    """What each mart is going to hold for an hour, or why it cannot be made."""

    contents: dict[datetime, dict[Mart, Content]]
    errors: dict[datetime, psycopg.Error]


def stage_marts(connection: psycopg.Connection, releases: Iterable[Release]) -> Staged:
    """
    Make the marts of each hour in temp tables. Twice is once: they are emptied first. An hour that cannot be
    made, because a column that must have a value has none, does not stop the others.
    """
    found = Staged({}, {})
    with connection.transaction():
        connection.execute("set local timezone = 'UTC'")
        use_memory(connection)
        for mart in MARTS:
            connection.execute(
                sql.SQL("create temp table if not exists {} (like {})").format(staged(mart.name), mart.table)
            )
            connection.execute(sql.SQL("truncate {}").format(staged(mart.name)))
        for release in releases:
            try:
                with connection.transaction():
                    found.contents[release.hour] = _write(connection, release)
            except (psycopg.IntegrityError, psycopg.DataError) as error:
                found.errors[release.hour] = error
    return found


def _write(connection: psycopg.Connection, release: Release) -> dict[Mart, Content]:
    binds = {
        "hour_utc": release.hour,
        "as_of": release.as_of,
        "completeness": release.completeness,
        # Of the publication, and no part of what is compared.
        "version": 1,
        "is_restated": False,
    }
    for mart in MARTS:
        text = statement(mart.path).replace(f"marts.{mart.name}", f"pg_temp.{STAGED_PREFIX}{mart.name}")
        execute(connection, text, binds)
    return {mart: content(connection, mart, release.hour, table=staged(mart.name)) for mart in MARTS}


def rows_of(connection: psycopg.Connection, table: Checked) -> pa.Table:
    """The staged rows of a mart, with `hour_utc`."""
    columns = sql.SQL(", ").join(map(sql.Identifier, ("hour_utc", *table.columns)))
    query = sql.SQL("select {} from {}").format(columns, staged(table.name))
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("set local timezone = 'UTC'")
        cursor.execute(query + sql.SQL(" limit 0"))
        types = {one.name: ARROW_TYPES[one.type_code] for one in cursor.description or ()}
        buffer = BytesIO()
        copy = sql.SQL("copy ({}) to stdout (format csv, force_quote *)").format(query)
        with cursor.copy(copy) as stream:
            for piece in stream:
                buffer.write(piece)
    if not buffer.tell():
        return pa.schema(types.items()).empty_table()
    buffer.seek(0)
    return pa_csv.read_csv(
        buffer,
        read_options=pa_csv.ReadOptions(column_names=list(types)),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=types, strings_can_be_null=False, quoted_strings_can_be_null=False, **BOOLEANS
        ),
    )
