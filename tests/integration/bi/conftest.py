"""Freshly filled marts for each test of extracts."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from include.sales_db import connect
from include.settings import PostgresSettings
from stack.postgres import PostgresServer
from tests.filled_marts import fill
from tests.hyper_extracts import END


@pytest.fixture
def owner(
    own_sales_database: PostgresSettings, own_postgres_server: PostgresServer
) -> Iterator[psycopg.Connection]:
    """The superuser, over freshly filled marts."""
    superuser = own_postgres_server.as_superuser("sales")
    with closing(connect(superuser, application_name="test", autocommit=True)) as connection:
        connection.execute("set timezone to 'UTC'")
        fill(connection, end=END)
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the extract will be; it is not there yet."""
    return tmp_path / "bi"
