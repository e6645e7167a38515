"""An empty database and an empty lake for each test of publishing."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from include.quality.frames import Batch
from include.quality.gate import Judged
from include.quality.verdict import Outcome, Verdict
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
            "truncate ops.ledger, ops.hour_ledger, ops.hour_closings, ops.hours_to_publish,"
            " ops.stream_progress, ops.quality_results, marts.fct_orders, marts.fct_order_lines,"
            " marts.dim_product, marts.product_sales_hourly, marts.region_sales_hourly,"
            " marts.order_value_hourly, marts.publications, marts.restatements"
        )
    return sales_database


@pytest.fixture(autouse=True)
def quick_gates(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every suite passes, except in a module that says `JUDGES = True`: a real look takes a second."""
    if getattr(request.module, "JUDGES", False):
        return
    outcome = Outcome("", "", "fail", "", success=True, looked_at=0, unexpected=0)

    def pass_all(batch: Batch) -> Judged:
        table = batch.table
        verdicts = [Verdict(table.full_name, table.suite, hour, (outcome,)) for hour in batch.due]
        return Judged(verdicts, None)

    monkeypatch.setattr("include.quality.audit.judge", pass_all)


@pytest.fixture
def connection(database: PostgresSettings) -> Iterator[psycopg.Connection]:
    with closing(connect(database, application_name="test", autocommit=True)) as opened:
        yield opened


@pytest.fixture
def lake(tmp_path: Path, connection: psycopg.Connection) -> LakeDouble:
    return LakeDouble(tmp_path, connection)
