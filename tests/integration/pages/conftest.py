"""One database for all tests of the pages, empty before each, the pages served over it, and a browser."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page

from include.sales_db import connect
from include.settings import LakeSettings, PostgresSettings, Settings
from stack import postgres
from tests.browser import LAPTOP, WITHIN_MS, Opening, chromium
from tests.own_server import own_server, sales_of
from tests.pages import Pages, serving
from tests.sold import HOUR, MINUTE, close_batch, forget, publish, report, sell, this_minute


@pytest.fixture(scope="package")
def pages_server(server_folder: Path) -> Iterator[postgres.PostgresServer]:
    with own_server(server_folder / "pages") as server:
        yield server


@pytest.fixture(scope="package")
def pages_database(pages_server: postgres.PostgresServer) -> PostgresSettings:
    return sales_of(pages_server)


@pytest.fixture
def owner(
    pages_server: postgres.PostgresServer, pages_database: PostgresSettings
) -> Iterator[psycopg.Connection]:
    """Writes what the stream and the publisher would; the database is empty before each test."""
    superuser = pages_server.as_superuser("sales")
    with closing(connect(superuser, application_name="test", autocommit=True)) as connection:
        forget(connection)
        yield connection


@pytest.fixture
def settings(pages_database: PostgresSettings, tmp_path: Path) -> Settings:
    return Settings(run_dir=tmp_path, postgres=pages_database, lake=LakeSettings(root=tmp_path / "lake"))


@pytest.fixture
def pages(airflow_home: Path, owner: psycopg.Connection, settings: Settings) -> Iterator[Pages]:
    """Served to somebody who is logged in."""
    with serving(settings) as pages:
        yield pages


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """What a browser wrote to its console."""
    return []


@pytest.fixture
def opened(browser: Browser, complaints: list[str]) -> Iterator[Opening]:
    """Opens an address; no test ends with an error in the console that it did not cause on purpose."""
    contexts = []

    def open_page(url: str, *, viewport: dict[str, int] = LAPTOP, dark: bool = False) -> Page:
        context = browser.new_context(viewport=viewport, color_scheme="dark" if dark else "light")  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(WITHIN_MS)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def busy_shop(owner: psycopg.Connection) -> None:
    """An hour of sales in two regions, a published hour, a batch that was just closed."""
    for minute in range(0, 50, 5):
        sell(owner, this_minute() - minute * MINUTE, "EMEA", orders=2, cents=2_550, product="P-1")
        sell(owner, this_minute() - minute * MINUTE, "APAC", orders=1, cents=10_000, product="P-2")
    close_batch(owner, 0, datetime.now(UTC))
    report(owner)
    publish(owner, this_minute().replace(minute=0) - HOUR, orders=4, cents=400, completeness=1)
