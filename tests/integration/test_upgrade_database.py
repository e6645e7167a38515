"""What an upgrade would do with the database, compared before it is done."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import psycopg
import pytest

from include.sales_db import connect
from include.settings import PostgresSettings
from stack.layout import Ports, RunFolder
from stack.migrations import SCHEMA_FOLDER, compare
from stack.postgres import PostgresServer
from stack.upgrade import examine, of_migrations

pytestmark = pytest.mark.stack


@pytest.fixture
def owner(sales_database: PostgresSettings, postgres_server: PostgresServer) -> Iterator[psycopg.Connection]:
    """A superuser whose changes are undone."""
    superuser = postgres_server.as_superuser(sales_database.database)
    with closing(connect(superuser, application_name="test")) as connection:
        yield connection
        connection.rollback()


def states(connection: psycopg.Connection, folder: Path = SCHEMA_FOLDER) -> list[tuple[str, str]]:
    return [(finding.what, finding.state) for finding in of_migrations(compare(connection, folder))]


def test_a_database_of_this_version_fits(owner):
    """Every migration is applied as it stands here."""
    assert states(owner) == [("migrations", "ok")]


def test_new_migrations_grow(owner, tmp_path):
    """The next `up` applies them; on an empty database all of them are new."""
    shutil.copytree(SCHEMA_FOLDER, tmp_path / "schema")
    (tmp_path / "schema" / "999_more.sql").write_text("select 1;")
    assert states(owner, tmp_path / "schema") == [("999_more.sql", "grows")]
    owner.execute("drop table public.schema_migrations")
    assert {state for _, state in states(owner)} == {"grows"}


def test_a_changed_migration_cannot_be(owner):
    """As `up` would refuse it."""
    owner.execute("update public.schema_migrations set sha256 = 'other' where name = '002_ops.sql'")
    assert states(owner) == [("002_ops.sql", "cannot")]


def test_a_database_of_a_newer_version_cannot_be(owner):
    """Schema files only move forward."""
    owner.execute("insert into public.schema_migrations (name, sha256) values ('999_later.sql', 'x')")
    assert states(owner) == [("999_later.sql", "cannot")]


def test_the_database_of_the_run_folder_is_asked(
    postgres_server: PostgresServer, sales_database: PostgresSettings, tmp_path: Path
):
    """Found by the folder's ports and password, as `up` finds it; a server that is gone is told as unseen."""
    folder = RunFolder(tmp_path)
    folder.create()
    (tmp_path / "settings.json").write_text(json.dumps({"lake": {"root": str(tmp_path / "lake")}}))
    shutil.copy(postgres_server.password_file, folder.secret("postgres_password"))
    for port, state in ((postgres_server.port, "ok"), (1, "unseen")):
        folder.ports_file.write_text(json.dumps({**asdict(Ports()), "postgres": port}))
        assert {f.what: f.state for f in examine(folder)}["migrations"] == state
