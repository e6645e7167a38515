"""Schema files on a database that has been in use."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from include.sales_db import connect
from stack.database import DATABASE
from stack.migrations import COMMENTS, SCHEMA_FOLDER, compare, migrate
from stack.postgres import ensure_database
from tests.filled_marts import fill
from tests.own_server import own_server

pytestmark = pytest.mark.stack
OLD_DAY, NEW_DAY = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 21, 12, tzinfo=UTC)
LINE = "insert into marts.fct_order_lines values (%s, %s, 'nobody''s', 1, %s, 'EMEA', 'P000', 1, 1, 0, 1)"


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """Migrated up to 017, filled, migrated to the end; a superuser."""
    folder = tmp_path_factory.mktemp("migrations")
    folder.chmod(0o755)
    older = folder / "schema"
    shutil.copytree(SCHEMA_FOLDER, older)
    later = sorted(file.name for file in SCHEMA_FOLDER.glob("*.sql") if file.name > "018")
    assert (later[0], later[-1]) == ("018_lines_of_a_day.sql", COMMENTS)
    for name in later:
        (older / name).unlink()
    with own_server(folder / "postgres") as server:
        ensure_database(server, DATABASE)
        superuser = server.as_superuser(DATABASE)
        with closing(connect(superuser, application_name="test", autocommit=True)) as connection:
            assert migrate(connection, older)[-1] == "017_monitor.sql"
            fill(connection, end=OLD_DAY)
            assert compare(connection).new == later
            migrate(connection)
            connection.execute("select marts.ensure_day(%s)", [NEW_DAY.date()])
            yield connection


@pytest.mark.parametrize("day", [OLD_DAY, NEW_DAY], ids=["of before", "made since"])
def test_a_line_needs_its_order(upgraded, day):
    """In a day of before and in one that was made since: checked at the end of the transaction."""
    with pytest.raises(psycopg.errors.ForeignKeyViolation), upgraded.transaction():
        upgraded.execute(LINE, [day.date(), day, day])


def test_an_order_with_lines_stays(upgraded):
    with pytest.raises(psycopg.errors.ForeignKeyViolation), upgraded.transaction():
        upgraded.execute("delete from marts.fct_orders")
    assert upgraded.execute("select count(*) from marts.fct_orders").fetchone() == (200,)


def test_each_day_refers_to_its_own_orders(upgraded):
    """Not to the partitioned table: a check there opens every day."""
    refers = upgraded.execute(
        "select conrelid::regclass::text, confrelid::regclass::text from pg_constraint"
        " where contype = 'f' and confrelid::regclass::text like 'marts.fct_orders%'"
    ).fetchall()
    assert sorted(refers) == [
        (f"marts.fct_order_lines_{day}", f"marts.fct_orders_{day}") for day in ("20261120", "20261121")
    ]


def test_comments_are_said_again_when_they_change(upgraded, tmp_path):
    """As often as the contract changes, and not otherwise."""
    assert migrate(upgraded) == []
    shutil.copytree(SCHEMA_FOLDER, tmp_path / "schema")
    file: Path = tmp_path / "schema" / COMMENTS
    file.write_text(file.read_text().replace("One row per sales region.", "One row per region."))
    assert compare(upgraded, tmp_path / "schema").new == [COMMENTS]
    assert migrate(upgraded, tmp_path / "schema") == [COMMENTS]
    said = upgraded.execute("select obj_description('marts.dim_region'::regclass)").fetchone()
    assert said == ("One row per region.",)
    assert migrate(upgraded) == [COMMENTS]
