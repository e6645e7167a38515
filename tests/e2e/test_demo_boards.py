"""Every query of every dashboard, asked of the demo's Prometheus and PostgreSQL: none fails or is empty."""

import math
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any

import pytest

from include.sales_db import connect
from include.settings import PostgresSettings
from stack.processes import wait_until
from stack.prometheus_programs import STATSD_EXPORTER, binary
from tests.dashboards import STEP_SECONDS, PanelQuery, promql, queries, sql
from tests.demo_stack import Stack
from tests.prometheus_tools import asked

pytestmark = pytest.mark.stack
# Nothing is what they should show.
MAY_BE_EMPTY = {"Alerts that fire", "Restated"}
PROMQL = list(queries("prometheus"))
SQL = list(queries("grafana-postgresql-datasource"))


def has_a_number(address: str, expr: str) -> bool:
    now = time()
    found = asked(
        address, "query_range", query=expr, start=str(now - 900), end=str(now), step=str(STEP_SECONDS)
    )
    return any(not math.isnan(float(value)) for series in found["result"] for _, value in series["values"])


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    """Of a Prometheus that watches orders of every kind: a writer that has just begun counts from nothing."""
    stack.succeed("simulate", "--count", "500", "--duplicates", "5%", "--bad", "2%")
    return str(stack.status()["metrics"]["prometheus"])


@pytest.mark.parametrize("query", PROMQL, ids=[query.name for query in PROMQL])
def test_a_panel_of_prometheus_shows_something(address: str, query: PanelQuery) -> None:
    """Airflow tells some of its figures when a run or task ends: then they come within minutes."""
    expr = promql(query)
    if "airflow" in expr and binary(STATSD_EXPORTER) is None:
        pytest.skip(f"{STATSD_EXPORTER}, which tells what Airflow does, takes Go to build")
    if query.panel["title"] in MAY_BE_EMPTY:
        asked(address, "query", query=expr)
        return
    wait_until(lambda: has_a_number(address, expr), seconds=240, what=f"{query.name}: {expr}", interval=2)


@pytest.fixture(scope="module")
def reader(stack: Stack) -> Any:
    """As Grafana connects."""
    said = stack.status()["postgres"]
    settings = PostgresSettings(
        host=said["host"], port=said["port"], database=said["database"], user="sales_reader",
        passfile=Path(said["passfile"]),
    )  # fmt: skip
    with closing(connect(settings, application_name="test", autocommit=True)) as connection:
        yield connection


@pytest.mark.parametrize("query", SQL, ids=[query.name for query in SQL])
def test_a_panel_of_postgresql_shows_something(reader: Any, query: PanelQuery) -> None:
    """Of a day, as the dashboard opens."""
    now = datetime.now(UTC)
    rows = reader.execute(sql(query, now - timedelta(days=1), now)).fetchall()
    assert query.panel["title"] in MAY_BE_EMPTY or any(row[-1] is not None for row in rows)


def test_there_are_queries_of_both() -> None:
    assert len(PROMQL) > 50
    assert len(SQL) > 10


def test_the_extract_is_made_and_refreshed(stack: Stack) -> None:
    """By the command line, from the running stack; the second time closed hours are not read again."""
    first, second = (stack.succeed("bi", "extract") for _ in range(2))
    file = stack.folder.root / "bi" / "saleslake.hyper"
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"{file}: " in first
    kept = re.compile(r"([\d,]+) hours were up to date")
    hours = [int(kept.search(said)[1].replace(",", "")) for said in (first, second)]  # type: ignore[index]
    assert hours[0] == 0 < hours[1]


def test_what_is_made_from_the_contract_is_up_to_date(stack: Stack) -> None:
    assert "files are up to date" in stack.succeed("bi", "build", "--check")
