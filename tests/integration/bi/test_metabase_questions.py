"""
The SQL of Metabase's questions on a real PostgreSQL, its variables put in as Metabase puts them in.

Metabase is not run: `substituted` does what its sources say of variables in SQL, and no more.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from bi.contract import contract
from bi.metabase.cards import Card, cards, dimension_columns
from bi.queries import query, question_sql
from include.sales_db import connect
from include.settings import PostgresSettings
from stack.postgres import PostgresServer
from tests.filled_marts import fill
from tests.metabase_sql import substituted

pytestmark = pytest.mark.stack
CONTRACT = contract()
CARDS = {card.mark: card for card in cards(CONTRACT, "USD")}
# Orders of thirty hours, from 21 o'clock of one day to 3 o'clock of the day after the next.
END = datetime(2026, 11, 23, 3, tzinfo=UTC)
DAY, NEXT_DAY = date(2026, 11, 22), date(2026, 11, 23)
LAST_DAY = (
    "date_trunc('hour', now(), 'UTC') - interval '24 hours'",
    "date_trunc('hour', now(), 'UTC') + interval '1 hour'",
)
# What somebody chooses on the dashboard, and the hours that it stands for.
CHOICES: dict[str, tuple[dict[str, date], tuple[str, str]]] = {
    "both": ({"first": DAY, "end": NEXT_DAY}, ("'2026-11-22T00:00Z'", "'2026-11-23T00:00Z'")),
    "the first": ({"first": NEXT_DAY}, ("'2026-11-23T00:00Z'", LAST_DAY[1])),
    "the end": ({"end": NEXT_DAY}, ("'2026-11-22T00:00Z'", "'2026-11-23T00:00Z'")),
    "an hour": (
        {"first": datetime(2026, 11, 22, 5), "end": datetime(2026, 11, 22, 7)},
        ("'2026-11-22T05:00Z'", "'2026-11-22T07:00Z'"),
    ),
}


@pytest.fixture(scope="module")
def superuser(
    own_sales_database: PostgresSettings, own_postgres_server: PostgresServer
) -> Iterator[psycopg.Connection]:
    who = own_postgres_server.as_superuser(own_sales_database.database)
    with closing(connect(who, application_name="test", autocommit=True)) as connection:
        yield connection


@pytest.fixture(scope="module")
def filled(superuser: psycopg.Connection) -> None:
    fill(superuser, end=END, hours=30, orders=300)


@pytest.fixture
def recent(filled: None, superuser: psycopg.Connection) -> Iterator[None]:
    """Instead, orders of the forty hours up to now."""
    fill(superuser, hours=40, orders=200)
    yield
    fill(superuser, end=END, hours=30, orders=300)


@pytest.fixture
def reader(own_sales_database: PostgresSettings) -> Iterator[psycopg.Connection]:
    """As Metabase connects. One transaction, so `now()` is one moment; Metabase's zone may be any."""
    who = own_sales_database.model_copy(update={"user": "sales_reader"})
    with closing(connect(who, application_name="test")) as connection:
        connection.execute("set timezone to 'Asia/Kolkata'")
        yield connection


def expected(reader: psycopg.Connection, card: Card, hours: tuple[str, str]) -> list[tuple[Any, ...]]:
    """Rows of the contract's own SQL; each hour as a UTC time without zone."""
    kind, name = card.mark.split()
    sql = question_sql(CONTRACT, name, hours) if kind == "question" else query(CONTRACT, [name], hours=hours)
    return [
        tuple(
            value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
            for value in row
        )
        for row in reader.execute(sql.encode())
    ]


def answered(
    reader: psycopg.Connection, card: Card, values: dict[str, date], *, as_text: bool = False
) -> psycopg.Cursor:
    sql, bound = substituted(card.sql, values, as_text=as_text)
    return reader.execute(sql.encode(), bound)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("mark", CARDS)
def test_a_chosen_time_answers_as_the_contract_does(
    reader: psycopg.Connection, mark: str, choice: str, as_text: bool
) -> None:
    """The same rows in the same order, days in UTC, up to but not including the second."""
    values, hours = CHOICES[choice]
    rows = answered(reader, CARDS[mark], values, as_text=as_text).fetchall()
    assert rows == expected(reader, CARDS[mark], hours)
    assert rows
    assert rows[0][-1] is not None


@pytest.mark.usefixtures("recent")
def test_without_a_choice_it_is_the_last_day(reader: psycopg.Connection) -> None:
    """The last 24 hours and the one that runs, of marts that go back further."""
    for mark, card in CARDS.items():
        rows = answered(reader, card, {}).fetchall()
        assert rows == expected(reader, card, LAST_DAY)
        of_all = expected(reader, card, ("'-infinity'", LAST_DAY[1]))
        assert (rows == of_all) == (mark == "measure completeness")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("mark", CARDS)
def test_columns_have_the_names_that_their_looks_are_set_for(reader: psycopg.Connection, mark: str) -> None:
    """Else Metabase shows neither title nor format, and draws nothing."""
    card = CARDS[mark]
    columns = [column.name for column in answered(reader, card, CHOICES["both"][0]).description or ()]
    set_for = [re.findall(r'"(\w+)"', key)[1] for key in card.settings["column_settings"]]
    assert set_for == columns
    if card.display == "scalar":
        assert columns == [card.settings["scalar.field"]]
        return
    assert [column["name"] for column in card.settings["table.columns"]] == columns
    drawn = {*card.settings.get("graph.dimensions", []), *card.settings.get("graph.metrics", [])}
    assert drawn <= set(columns)
    assert (
        dimension_columns(CONTRACT, CONTRACT.questions[mark.split()[1]]) == columns[: -len(_measures(mark))]
    )


def _measures(mark: str) -> tuple[str, ...]:
    return CONTRACT.questions[mark.split()[1]].measures


@pytest.mark.usefixtures("filled")
def test_known_sales_are_shown(superuser: psycopg.Connection, reader: psycopg.Connection) -> None:
    """Not what some SQL says, but what was put in: one hour of it, in euros and cents."""
    hour = datetime(2026, 11, 24, 23, tzinfo=UTC)
    for region, channel, orders, cents in [
        ("EMEA", "web", 2, 501),
        ("EMEA", "store", 1, 99),
        ("APAC", "web", 1, 7),
    ]:
        superuser.execute(
            "insert into marts.order_value_hourly values (%s, %s, %s, %s, %s, 0, now(), 0.25, 1, false)",
            [hour, region, channel, orders, cents],
        )
    chosen = {"first": date(2026, 11, 24), "end": date(2026, 11, 25)}
    assert answered(reader, CARDS["measure average_order_value"], chosen).fetchall()[0][0] * 400 == 607
    assert [
        (row[0], row[2], float(row[3]))
        for row in answered(reader, CARDS["question region_trend"], chosen).fetchall()
    ] == [
        (hour.replace(tzinfo=None), "Asia-Pacific", 0.07),
        (hour.replace(tzinfo=None), "Europe, Middle East and Africa", 6.0),
    ]
    superuser.execute("delete from marts.order_value_hourly where hour_utc = %s", [hour])


@pytest.mark.usefixtures("filled")
def test_questions_need_the_reader_s_rights_alone(reader: psycopg.Connection) -> None:
    """It is sales_reader who asked all of the above: it sees neither ledger nor anything else of ops."""
    assert reader.execute("select current_user").fetchall() == [("sales_reader",)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("select * from ops.ledger")
