"""When two contents of a mart's hour are one and the same."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from include.publish.content import Content, content
from include.publish.marts import PRODUCT_SALES_HOURLY

HOUR = datetime(2026, 11, 22, 10, tzinfo=UTC)
COPIED = sql.Identifier("pg_temp", "copied")
ROWS = ("('P-1', 'EMEA', 2, 3, 450)", "('P-2', 'EMEA', 1, 1, 100)")


def of(connection: psycopg.Connection, *rows: str, then: str = "") -> Content:
    """The content of a table of the mart's form with these rows."""
    connection.execute("drop table if exists pg_temp.copied")
    connection.execute("create temp table copied (like marts.product_sales_hourly)")
    connection.execute(
        "insert into pg_temp.copied (hour_utc, product_id, region, orders, units, revenue_cents, as_of,"
        f" completeness, version, is_restated) select '{HOUR}', rows.*, now(), 1, 1, false"
        f" from (values {', '.join(rows)}) as rows"
    )
    if then:
        connection.execute(then)
    return content(connection, PRODUCT_SALES_HOURLY, HOUR, table=COPIED)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("", id="nothing"),
        pytest.param("update pg_temp.copied set version = 2, is_restated = true", id="the publication"),
        pytest.param("alter table pg_temp.copied add column later text", id="a column with nothing in it"),
    ],
)
def test_it_is_the_same(connection: psycopg.Connection, change: str) -> None:
    """Whatever the order of rows."""
    assert of(connection, *reversed(ROWS), then=change) == of(connection, *ROWS)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("update pg_temp.copied set product_id = product_id || ' '", id="a text"),
        pytest.param("update pg_temp.copied set orders = units, units = orders", id="two numbers swapped"),
        pytest.param(
            "update pg_temp.copied set units = 4 - units, revenue_cents = 550 - revenue_cents",
            id="two rows swapped",
        ),
        pytest.param("insert into pg_temp.copied select * from pg_temp.copied", id="each row twice"),
        pytest.param(
            "alter table pg_temp.copied add column later text; update pg_temp.copied set later = 'x'"
            " where product_id = 'P-1'",
            id="a column that one row has a value in",
        ),
    ],
)
def test_it_is_another(connection: psycopg.Connection, change: str) -> None:
    """Also where count and amount are the same."""
    assert of(connection, *ROWS, then=change).content_hash != of(connection, *ROWS).content_hash


@pytest.mark.parametrize("column", ["product_id", "region", "orders", "units", "revenue_cents"])
def test_rows_that_swap_a_value_do_not_cancel_out(connection: psycopg.Connection, column: str) -> None:
    """Forty pairs of rows, each pair by itself: no sum over all rows may miss one."""
    rows = [f"('P-{n}', 'R-{n % 7}', {n}, {3 * n + 1}, {100 * n + 7})" for n in range(80)]
    seen = {of(connection, *rows).content_hash}
    for first in range(0, 80, 2):
        swap = (
            f"update pg_temp.copied as held set {column} = other.{column} from pg_temp.copied as other"
            f" where held.product_id in ('P-{first}', 'P-{first + 1}') and other.product_id in"
            f" ('P-{first}', 'P-{first + 1}') and other.product_id <> held.product_id"
        )
        seen.add(of(connection, *rows, then=swap).content_hash)
    assert len(seen) == 41


def test_of_another_hour_is_nothing_told(connection: psycopg.Connection) -> None:
    """The empty hour has a content, too."""
    of(connection, *ROWS)
    later = content(connection, PRODUCT_SALES_HOURLY, HOUR + timedelta(hours=1), table=COPIED)
    assert (later.row_count, later.amount_cents, later.content_hash) == (0, 0, "0:0")
