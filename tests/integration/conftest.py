"""Lakes written by the stream's own steps, on a database of the module's own."""

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from include.sales_db import connect
from include.settings import PostgresSettings
from tests.batch_lake import Lake
from tests.draining import forget


@pytest.fixture
def connection(own_sales_database: PostgresSettings) -> Iterator[psycopg.Connection]:
    with closing(connect(own_sales_database, application_name="test", autocommit=True)) as connection:
        yield connection


@pytest.fixture
def new_lake(spark, tmp_path, connection, own_postgres_server) -> Iterator[Callable[[str], Lake]]:
    superuser = own_postgres_server.as_superuser("sales")
    with closing(connect(superuser, application_name="test", autocommit=True)) as owner:

        def make(name: str) -> Lake:
            forget(owner)
            return Lake(spark, tmp_path / name, connection)

        yield make
