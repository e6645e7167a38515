"""An empty database and an empty lake for each test of publishing."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from include.sales_db import connect
from include.settings import PostgresSettings
from stack.postgres import PostgresServer
from tests.lake_double import LakeDouble


@pytest.fixture
def database(sales_database: PostgresSettings, postgres_server: PostgresServer) -> PostgresSettings:
    """The database with empty ledgers and marts."""
    superuser = postgres_server.as_superuser(sales_database.database)
    with connect(superuser, application_name="test", autocommit=True) as connection:
        connection.execute(
            "truncate ops.ledger, ops.hour_ledger, ops.stream_progress, marts.fct_orders,"
            " marts.fct_order_lines, marts.dim_product, marts.product_sales_hourly,"
            " marts.region_sales_hourly, marts.order_value_hourly, marts.publications, marts.restatements"
        )
    return sales_database


@pytest.fixture
def connection(database: PostgresSettings) -> Iterator[psycopg.Connection]:
    with closing(connect(database, application_name="test", autocommit=True)) as opened:
        yield opened


@pytest.fixture
def lake(tmp_path: Path, connection: psycopg.Connection) -> LakeDouble:
    return LakeDouble(tmp_path, connection)
