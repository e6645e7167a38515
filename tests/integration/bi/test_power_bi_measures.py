"""
Power BI's measures give what the contract's SQL gives.

The measures are read from the files of the project, parsed as DAX, and written as SQL by the rules that DAX
is documented to have (tests/dax_sql.py); tables, columns and joins are the model's. So this shows that the
model means what the contract means. It does not show that Power BI reads the files, follows its own
documentation, or rounds for display as PostgreSQL does: its engine runs on Windows alone.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row, tuple_row

from bi.contract import CONTRACT, Measure, contract
from bi.power_bi.fields import HOUR, dimension, facts
from bi.queries import query
from include.sales_db import connect
from include.settings import PostgresSettings
from stack.postgres import PostgresServer
from tests.dax_sql import measure_query, quoted, table_sql
from tests.power_bi_project import FOLDER, Model, model

pytestmark = pytest.mark.stack

FIRST = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOURS = {"first": FIRST, "end": FIRST + timedelta(hours=3)}
REGIONS = ("AMER", "EMEA", "APAC", "LATAM")
CHANNELS = ("web", "mobile", "store")
PRODUCTS = (("P-1", "Lamp", "Home"), ("P-2", "Lamp", "Garden"), ("P-3", "Desk", "Home"))
# In whatever way rows are put together, an average ends in 0.495 cents: rounded at the fourth place of the
# whole currency, and then to cents, it would be a cent too high.
ORDERS, CENTS_OVER = 200, 99


@pytest.fixture(scope="module")
def connection(
    own_sales_database: PostgresSettings, own_postgres_server: PostgresServer
) -> Iterator[psycopg.Connection]:
    """Three hours of the marts and one hour before and after them."""
    superuser = own_postgres_server.as_superuser(own_sales_database.database)
    with closing(connect(superuser, application_name="test", autocommit=True)) as opened:
        fill(opened)
        yield opened


@pytest.fixture(scope="module")
def power_bi() -> Model:
    """The model that the project's files hold."""
    folder = CONTRACT.parent
    paths = (folder / FOLDER).rglob("*.tmdl")
    return model({path.relative_to(folder): path.read_text(encoding="utf-8") for path in paths})


def fill(connection: psycopg.Connection) -> None:
    cursor = connection.cursor()
    cursor.executemany("insert into marts.dim_product values (%s, %s, %s, now())", PRODUCTS)
    hours = [FIRST + timedelta(hours=number) for number in range(-1, 4)]
    cursor.executemany(
        "insert into marts.order_value_hourly values (%s, %s, %s, %s, %s, 0, now(), %s, 1, false)",
        [
            (hour, region, channel, ORDERS, ORDERS * (1_000 + 36 * number) + CENTS_OVER, completeness(hour))
            for number, (hour, region, channel) in enumerate(product(hours, REGIONS, CHANNELS))
        ],
    )
    cursor.executemany(
        "insert into marts.product_sales_hourly values (%s, %s, %s, %s, %s, %s, now(), %s, 1, false)",
        [
            (hour, sold, region, 5 + number, 6 + number, 1_999 * number + 1, completeness(hour))
            for number, (hour, (sold, _, _), region) in enumerate(product(hours, PRODUCTS, REGIONS))
        ],
    )


def completeness(hour: datetime) -> Decimal:
    return Decimal("0.417") if hour == FIRST + timedelta(hours=2) else Decimal(1)


def ways_to_ask() -> Iterator[Any]:
    """Every measure: whole, by each dimension of its mart, and by all that a question puts together."""
    told = contract()
    for name in told.measures:
        mart = told.mart_of([name])
        alone = [(each,) for each, described in told.dimensions.items() if mart in described.columns]
        together = [asked.by for asked in told.questions.values() if name in asked.measures]
        for by in dict.fromkeys([(), *alone, *together]):
            yield pytest.param(name, by, id=" ".join([name, *by]))


@pytest.mark.parametrize(("name", "by"), list(ways_to_ask()))
def test_a_measure_equals_its_sql(
    connection: psycopg.Connection, power_bi: Model, name: str, by: tuple[str, ...]
) -> None:
    """To the cent where it is an amount, else exactly."""
    told = contract()
    groups = tuple(field for each in by for field in dimension(told, each))
    (hour,) = dimension(told, HOUR)
    asked = told.measures[name]

    found = measure_query(power_bi, asked.label, groups, hour)

    assert of_power_bi(connection, found, asked) == of_contract(
        connection, query(told, [name], by), asked, by
    )


def of_power_bi(connection: psycopg.Connection, sql: str, asked: Measure) -> dict[tuple[Any, ...], Decimal]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(sql, HOURS).fetchall()
    return {tuple(groups): comparable(value, asked) for *groups, value in rows}


def of_contract(
    connection: psycopg.Connection, sql: str, asked: Measure, by: tuple[str, ...]
) -> dict[tuple[Any, ...], Decimal]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql, HOURS).fetchall()
    named = [column for each in by for column in (each, f"{each}_key")]
    measured = next(column for column in rows[0] if column not in named)
    return {
        tuple(row[column] for column in named if column in row): comparable(row[measured], asked)
        for row in rows
    }


def comparable(value: Any, asked: Measure) -> Decimal:
    exact = Decimal(str(value))
    return exact.quantize(Decimal("0.01"), ROUND_HALF_UP) if asked.unit == "currency" else exact


def test_every_hour_is_in_the_table_of_hours_once(connection: psycopg.Connection, power_bi: Model) -> None:
    """It is the one side of a relationship: Power BI refuses a second row of an hour."""
    (hour,) = dimension(contract(), HOUR)
    rows = connection.execute(f"select * from {table_sql(power_bi, hour.table)} as hours").fetchall()

    assert sorted(rows) == [(FIRST + timedelta(hours=number),) for number in range(-1, 4)]


def test_the_reader_may_read_what_is_loaded(connection: psycopg.Connection, power_bi: Model) -> None:
    """Power BI signs in as sales_reader and takes the columns by name."""
    loaded = [table for table in power_bi.tables.values() if "PostgreSQL" in table.source]
    assert len(loaded) > len(facts(contract()))
    with connection.transaction():
        connection.execute("set local role sales_reader")
        for table in loaded:
            columns = ", ".join(map(quoted, table.selected))
            connection.execute(f"select {columns} from {'.'.join(table.item)} limit 0")
