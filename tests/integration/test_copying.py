"""Arrow rows come out of PostgreSQL as they went in."""

from datetime import UTC, datetime

import psycopg
import pyarrow as pa

from include.copying import copy_rows

TEXTS = ["plain", "", 'a "quote"', "a\nbreak\r\n", "\\.", "\\N", "NULL", ",", "\tâ€™ é 漢", None]
INSTANTS = [
    datetime(2026, 11, 26, 23, 59, 59, 999_999, UTC),
    datetime(1969, 12, 31, 23, 59, 59, 1, UTC),
    datetime(1001, 1, 1, tzinfo=UTC),
    None,
]


def test_values_survive_the_copy(connection: psycopg.Connection) -> None:
    """Empty is not NULL, and nothing in a text ends it."""
    count = len(TEXTS)
    rows = pa.table(
        {
            "number": pa.array(range(count), pa.int64()),
            "text": pa.array(TEXTS, pa.string()),
            "instant": pa.array((INSTANTS * count)[:count], pa.timestamp("us", "UTC")),
            "flag": pa.array([None, *[n % 2 == 0 for n in range(count - 1)]], pa.bool_()),
        }
    )
    connection.execute("set timezone = 'Asia/Kathmandu'")
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            "create temp table copied (number bigint, text text, instant timestamptz, flag boolean)"
        )
        copy_rows(cursor, "copied", rows, rows.column_names)
        found = cursor.execute("select * from copied order by number").fetchall()
    assert found == list(zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True))
