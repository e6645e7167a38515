"""The metric contract against a real database: every column is in it, every query of it answers."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from bi.contract import contract
from bi.queries import HOURS, query, question_sql
from include.sales_db import connect
from include.settings import PostgresSettings
from stack.postgres import PostgresServer
from tests.filled_marts import fill

pytestmark = pytest.mark.stack
CONTRACT = contract()
QUERIES = [(mart, number) for mart, about in CONTRACT.marts.items() for number in range(len(about.queries))]
# A day with no weekend in it and regions that all sold: nothing to tell.
MAY_BE_EMPTY = {("dim_region", 1), ("current_publications", 1)}
COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'marts' and c.relkind in ('r', 'p', 'v') and not c.relispartition
  and a.attnum > 0 and not a.attisdropped
"""


@pytest.fixture(scope="module")
def reader(
    own_sales_database: PostgresSettings, own_postgres_server: PostgresServer
) -> Iterator[psycopg.Connection]:
    """As BI tools connect, over filled marts."""
    superuser = own_postgres_server.as_superuser("sales")
    with closing(connect(superuser, application_name="test")) as owner:
        fill(owner)
    who = own_sales_database.model_copy(update={"user": "sales_reader"})
    with closing(connect(who, application_name="test", autocommit=True)) as connection:
        yield connection


def types(name: str) -> str:
    """PostgreSQL's long names for the contract's short ones."""
    return {"timestamptz": "timestamp with time zone"}.get(name, name.replace(", ", ","))


def test_every_column_of_the_marts_is_in_the_contract_with_its_type_and_comment(reader):
    """Missing: add it to bi/metrics.yml, then `saleslake bi build`."""
    found = {(mart, column): (kind, said) for mart, column, kind, said in reader.execute(COLUMNS)}
    known = {
        (mart, column): (types(is_.type), is_.description)
        for mart, about in CONTRACT.marts.items()
        for column, is_ in about.columns.items()
    }
    assert found == known


def test_every_mart_says_what_it_is(reader):
    for mart, about in CONTRACT.marts.items():
        assert reader.execute("select obj_description(%s::regclass)", [f"marts.{mart}"]).fetchone() == (
            about.description,
        )


@pytest.mark.parametrize(("mart", "number"), QUERIES)
def test_a_ready_query_answers(reader, mart, number):
    """As sales_reader, with rows."""
    rows = reader.execute(CONTRACT.marts[mart].queries[number].sql).fetchall()
    assert rows or (mart, number) in MAY_BE_EMPTY


@pytest.mark.parametrize("name", CONTRACT.questions)
def test_a_question_answers(reader, name):
    everything = {"first": "-infinity", "end": "infinity"}
    asked = CONTRACT.questions[name]
    rows = reader.execute(question_sql(CONTRACT, name), everything).fetchall()
    assert rows
    assert len(rows) <= (asked.limit or len(rows))


@pytest.mark.parametrize("name", [name for name, measure in CONTRACT.measures.items() if measure.additive])
def test_a_measure_adds_up_over_what_it_is_said_to(reader, name):
    """By every dimension it has, the parts give the whole."""
    everything = {"first": "-infinity", "end": "infinity"}
    whole = reader.execute(query(CONTRACT, [name]), everything).fetchone()[0]
    assert whole > 0
    for dimension in CONTRACT.measures[name].additive:
        parts = reader.execute(query(CONTRACT, [name], [dimension]), everything).fetchall()
        assert sum(row[-1] for row in parts) == whole


def test_the_average_is_no_average_of_averages(reader):
    everything = {"first": "-infinity", "end": "infinity"}
    revenue, orders = reader.execute(
        "select sum(total_cents) / 100.0, count(*) from marts.fct_orders"
    ).fetchone()
    found = reader.execute(query(CONTRACT, ["average_order_value"]), everything).fetchone()[0]
    assert round(found, 10) == round(revenue / orders, 10)


def test_two_products_of_one_name_stay_two(reader):
    everything = {"first": "-infinity", "end": "infinity"}
    rows = reader.execute(query(CONTRACT, ["units"], ["product"]), everything).fetchall()
    assert len({key for key, name, _ in rows if name == "Teapot"}) == 2


def test_the_hours_are_bounded(reader):
    """From the first up to, not including, the end."""
    hour = reader.execute("select min(hour_utc) from marts.order_value_hourly").fetchone()[0]
    rows = reader.execute(
        query(CONTRACT, ["orders"], ["hour"], hours=HOURS), {"first": hour, "end": hour.replace(minute=1)}
    ).fetchall()
    assert [row[0] for row in rows] == [hour]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into marts.dim_region values ('MARS', 'Mars')",
        "update marts.fct_orders set total_cents = 0",
        "delete from marts.restatements",
        "truncate marts.order_value_hourly",
        "select marts.ensure_day('2026-01-01')",
        "create table marts.mine (a int)",
        "create table public.mine (a int)",
        "create schema mine",
        "create temporary table mine (a int)",
        "select * from ops.ledger",
        "select * from ops.quality_results",
        "select * from public.schema_migrations",
        "insert into live.products values ('a', 'b', 'c', now())",
        "comment on table marts.fct_orders is 'mine'",
        "copy marts.dim_region to '/tmp/never'",
        "set role sales_loader",
        "set role sales_owner",
        "select pg_read_file('/etc/passwd')",
        "select passwd from pg_shadow",
    ],
)
def test_the_reader_may_not(reader, statement):
    """Whoever has the BI tool's password reads `live` and `marts`, and nothing else."""
    reader.execute("set default_transaction_read_only = off")  # it keeps from mistakes, not from malice
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(statement)


def test_the_reader_reads_live_and_marts_whole(reader):
    names = reader.execute(
        "select schemaname || '.' || tablename from pg_tables where schemaname in ('live', 'marts')"
        " union select schemaname || '.' || viewname from pg_views where schemaname in ('live', 'marts')"
    ).fetchall()
    assert len(names) > len(CONTRACT.marts)
    for (name,) in names:
        if "_20" not in name:  # partitions are read through their parent
            reader.execute(f"select * from {name} limit 1")
