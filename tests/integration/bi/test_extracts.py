"""Extracts by the real Hyper engine, of a real database: equal to it, resumable, and private."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from bi import extract_reading
from bi.contract import contract
from bi.extract_questions import measure_in_extract, question_in_extract
from bi.extract_tables import hourly_marts
from bi.extracts import FILE, Refreshed, refresh
from bi.hyper_engine import api, engine, opened, table
from bi.queries import query, question_sql
from include.errors import LakehouseError
from include.sales_db import connect
from include.settings import PostgresSettings
from stack.postgres import PostgresServer
from tests.filled_marts import fill

pytest.importorskip("tableauhyperapi")
pytestmark = pytest.mark.stack

CONTRACT = contract()
AGGREGATES = hourly_marts(CONTRACT, detail=False)
END = datetime(2026, 5, 2, 1, tzinfo=UTC)  # the hours go over midnight
FIRST = END - timedelta(hours=5)
HOURS = 5 * len(AGGREGATES)
HOUR = FIRST + timedelta(hours=2)
ASKED = {"first": FIRST, "end": END}
PUBLISHED_AGAIN = """
insert into marts.publications (mart, hour_utc, version, as_of, source_versions, row_count, amount_cents,
    completeness, content_hash, batch_id, run_id)
select mart, hour_utc, version + 1, as_of, source_versions, row_count, amount_cents, completeness,
    content_hash, batch_id, run_id
from marts.current_publications where mart = 'order_value_hourly' and hour_utc = %s
"""
DETAIL_PUBLISHED = """
insert into marts.publications (mart, hour_utc, version, as_of, source_versions, row_count, amount_cents,
    completeness, content_hash, batch_id, run_id)
select '{0}', hour_utc, 1, now(), '{{}}', count(*), 0, 1, 'h', 7, 'run' from marts.{0} group by hour_utc
"""


class Killed(BaseException):
    """As if the process had ended there."""


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
    return tmp_path / "bi"


def in_extract(file: Path, name: str) -> list[tuple[Any, ...]]:
    about = CONTRACT.marts[name]
    columns, key = ", ".join(about.columns), ", ".join(about.key)
    with engine(file.parent / "log") as process, opened(process, file) as connection:
        rows = connection.execute_list_query(f"select {columns} from {table(name)} order by {key}")
    return [tuple(as_python(value) for value in row) for row in rows]


def as_python(value: Any) -> Any:
    if isinstance(value, api().Timestamp):
        return value.to_datetime()
    return value.to_date() if isinstance(value, api().Date) else value


def in_postgres(owner: psycopg.Connection, name: str) -> list[tuple[Any, ...]]:
    about = CONTRACT.marts[name]
    key = ", ".join(f'{column} collate "C"' if about.columns[column].type == "text" else column
                    for column in about.key)  # fmt: skip
    return owner.execute(f"select {', '.join(about.columns)} from marts.{name} order by {key}").fetchall()  # type: ignore[arg-type]


def to_the_cent(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(round(v, 2) if isinstance(v, Decimal) else v for v in row) for row in rows]


def revenue(file: Path) -> Decimal | int | None:
    return measure_in_extract(file, CONTRACT, "revenue", HOUR, HOUR + timedelta(hours=1))


def test_every_measure_is_equal_to_the_cent(owner, own_sales_database, folder):
    """Sums, the smallest and ratios, of five hours and of one."""
    file = refresh(own_sales_database, folder).file

    for asked in (ASKED, {"first": HOUR, "end": HOUR + timedelta(hours=1)}):
        found = {
            name: measure_in_extract(file, CONTRACT, name, *asked.values()) for name in CONTRACT.measures
        }
        known = {name: owner.execute(query(CONTRACT, [name]), asked).fetchone() for name in CONTRACT.measures}
        assert to_the_cent([(found[name],) for name in known]) == to_the_cent(list(known.values()))
        assert found["revenue"] > 0


@pytest.mark.parametrize("question", CONTRACT.questions)
def test_every_question_gives_the_same_rows(owner, own_sales_database, folder, question):
    """In the same order, products of one name apart."""
    file = refresh(own_sales_database, folder).file

    known = owner.execute(question_sql(CONTRACT, question), ASKED).fetchall()
    assert known
    assert to_the_cent(question_in_extract(file, CONTRACT, question, FIRST, END)) == to_the_cent(known)


def test_every_table_holds_the_same_values(owner, own_sales_database, folder):
    """Column by column: times, flags, shares and names."""
    refresh(own_sales_database, folder)

    for name in (*AGGREGATES, "dim_product", "dim_region", "dim_date"):
        assert in_extract(folder / FILE, name) == in_postgres(owner, name), name


def test_orders_and_lines_are_there_when_asked_for_and_not_after(owner, own_sales_database, folder):
    """Two refreshes with detail, one without: the aggregates are read once."""
    for name in ("fct_orders", "fct_order_lines"):
        owner.execute(DETAIL_PUBLISHED.format(name))
    refresh(own_sales_database, folder)

    with_detail = refresh(own_sales_database, folder, detail=True)
    for name in ("fct_orders", "fct_order_lines"):
        assert in_extract(folder / FILE, name) == in_postgres(owner, name), name
    assert (with_detail.hours_read, with_detail.hours_kept) == (10, HOURS)

    assert refresh(own_sales_database, folder).hours_kept == HOURS
    with pytest.raises(api().HyperException, match="does not exist"):
        in_extract(folder / FILE, "fct_orders")


def test_an_unchanged_hour_is_not_read_again(owner, own_sales_database, folder):
    """Its rows are changed behind the publisher's back: the extract does not see it."""
    first = refresh(own_sales_database, folder)
    before = in_extract(folder / FILE, "order_value_hourly")
    owner.execute("update marts.order_value_hourly set revenue_cents = 0")

    second = refresh(own_sales_database, folder)

    assert (first.hours_read, first.hours_kept) == (HOURS, 0)
    assert (second.hours_read, second.hours_kept, second.hours_removed) == (0, HOURS, 0)
    assert in_extract(folder / FILE, "order_value_hourly") == before


def test_a_changed_hour_is_replaced(owner, own_sales_database, folder):
    """Published again with other amounts: the old rows are gone, the other hours are not read."""
    refresh(own_sales_database, folder)
    owner.execute(
        "update marts.order_value_hourly set revenue_cents = revenue_cents + 1 where hour_utc = %s", [HOUR]
    )
    owner.execute(PUBLISHED_AGAIN, [HOUR])

    again = refresh(own_sales_database, folder)

    assert (again.hours_read, again.hours_kept, again.hours_removed) == (1, HOURS - 1, 0)
    assert in_extract(folder / FILE, "order_value_hourly") == in_postgres(owner, "order_value_hourly")


def test_an_hour_that_is_gone_is_removed(owner, own_sales_database, folder):
    """Its publications are no longer there, nor are its rows in the extract."""
    refresh(own_sales_database, folder)
    owner.execute(
        "delete from marts.publications where mart = 'order_value_hourly' and hour_utc = %s", [HOUR]
    )

    again = refresh(own_sales_database, folder)

    assert (again.hours_read, again.hours_kept, again.hours_removed) == (0, HOURS - 1, 1)
    assert revenue(folder / FILE) is None


def test_an_hour_without_rows_is_an_hour(owner, own_sales_database, folder):
    """Nobody bought: it is published, and not read at every refresh."""
    owner.execute("delete from marts.order_value_hourly where hour_utc = %s", [HOUR])
    owner.execute(PUBLISHED_AGAIN, [HOUR])
    owner.execute("update marts.publications set row_count = 0 where mart = 'order_value_hourly'"
                  " and hour_utc = %s", [HOUR])  # fmt: skip

    assert refresh(own_sales_database, folder).hours_read == HOURS
    assert refresh(own_sales_database, folder).hours_read == 0


def test_the_same_versions_of_another_database_are_read(owner, own_sales_database, folder):
    """A stack set up anew publishes version 1 of the same hours: other orders, so another extract."""
    refresh(own_sales_database, folder)
    fill(owner, end=END, orders=50)

    assert refresh(own_sales_database, folder).hours_read == HOURS
    assert in_extract(folder / FILE, "order_value_hourly") == in_postgres(owner, "order_value_hourly")


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_a_killed_refresh_goes_on(owner, own_sales_database, folder, monkeypatch, is_first):
    """Killed between two steps: the old file is untouched, and the next run reads only what is missing."""
    monkeypatch.setattr(extract_reading, "BATCH_ROWS", 1)
    if not is_first:
        refresh(own_sales_database, folder)
        fill(owner, end=END, orders=150)
    before = (folder / FILE).read_bytes() if not is_first else None

    def end_after_three_hours(part: str, done: int, total: int) -> None:
        steps.append(part)
        if steps.count("order_value_hourly") == 4:
            raise Killed

    steps: list[str] = []
    with pytest.raises(Killed):
        refresh(own_sales_database, folder, report=end_after_three_hours)
    assert ((folder / FILE).read_bytes() if (folder / FILE).exists() else None) == before

    resumed = refresh(own_sales_database, folder)

    assert (resumed.hours_read, resumed.hours_kept) == (HOURS - 3, 3)
    for name in AGGREGATES:
        assert in_extract(folder / FILE, name) == in_postgres(owner, name), name


def test_the_next_refresh_goes_on_after_the_engine_was_killed(owner, own_sales_database, folder, monkeypatch):
    """SIGKILL in the middle: the error says so, and no half of a step is left."""
    monkeypatch.setattr(extract_reading, "BATCH_ROWS", 1)

    def kill_the_engine(part: str, done: int, total: int) -> None:
        if part == "product_sales_hourly" and done:
            for child in psutil.Process().children():
                if "hyperd" in child.name():
                    child.kill()

    with pytest.raises(LakehouseError, match=r"saleslake\.hyper: Tableau's Hyper engine says"):
        refresh(own_sales_database, folder, report=kill_the_engine)
    assert not (folder / FILE).exists()

    assert 0 < refresh(own_sales_database, folder).hours_kept < HOURS
    for name in AGGREGATES:
        assert in_extract(folder / FILE, name) == in_postgres(owner, name), name


def test_work_that_is_no_database_is_begun_again(owner, own_sales_database, folder):
    """What a crash of the machine may leave."""
    folder.mkdir()
    (folder / f".{FILE}.work").write_bytes(b"half a file" * 1_000)

    assert refresh(own_sales_database, folder).hours_read == HOURS


def test_other_columns_than_the_contracts_are_read_anew(owner, own_sales_database, folder):
    """A column came: the table is made again, the others keep their hours."""
    marts = dict(CONTRACT.marts)
    columns = dict(marts["order_value_hourly"].columns)
    del columns["is_restated"]
    marts["order_value_hourly"] = marts["order_value_hourly"].model_copy(update={"columns": columns})
    refresh(own_sales_database, folder, CONTRACT.model_copy(update={"marts": marts}))

    again = refresh(own_sales_database, folder)

    assert (again.hours_read, again.hours_kept) == (5, HOURS - 5)
    assert in_extract(folder / FILE, "order_value_hourly") == in_postgres(owner, "order_value_hourly")


def test_rows_that_no_publication_knows_end_the_refresh(owner, own_sales_database, folder):
    """The gate fails closed: which mart, what was found, and the old file stays."""
    refresh(own_sales_database, folder)
    before = (folder / FILE).read_bytes()
    owner.execute("delete from marts.order_value_hourly where hour_utc = %s", [HOUR])
    owner.execute(PUBLISHED_AGAIN, [HOUR])

    with pytest.raises(
        LakehouseError, match=r"marts\.order_value_hourly from 2026-05-01 22:00 .* 0 are there"
    ):
        refresh(own_sales_database, folder)

    assert (folder / FILE).read_bytes() == before


def test_two_refreshes_of_one_folder_are_refused(owner, own_sales_database, folder):
    """The second says who is in its way; the first ends well."""
    refused: list[str] = []

    def refresh_too(part: str, done: int, total: int) -> None:
        with pytest.raises(LakehouseError) as error:
            refresh(own_sales_database, folder)
        refused.append(str(error.value))

    assert isinstance(refresh(own_sales_database, folder, report=refresh_too), Refreshed)
    assert "another refresh is at work" in refused[0]


def test_a_database_that_does_not_answer_is_named(folder):
    """Where it was looked for, and that the next refresh goes on."""
    nobody = PostgresSettings(port=1)

    with pytest.raises(LakehouseError, match=r"from 127\.0\.0\.1:1/sales: .*saleslake up"):
        refresh(nobody, folder)


def test_files_are_private_and_hold_no_password(owner, own_sales_database, folder, tmp_path, monkeypatch):
    """Also logs, and work that a kill left; nothing is written into the working folder."""
    (here := tmp_path / "here").mkdir()
    monkeypatch.chdir(here)
    passfile = own_sales_database.passfile
    assert passfile is not None
    passwords = [line.rpartition(":")[2] for line in passfile.read_text().splitlines()]

    def end(part: str, done: int, total: int) -> None:
        if part == "region_sales_hourly" and done:
            raise Killed

    refresh(own_sales_database, folder)
    fill(owner, end=END)
    with pytest.raises(Killed):
        refresh(own_sales_database, folder, report=end)

    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.name for file in files} > {FILE, f".{FILE}.work"}
    assert all(file.stat().st_mode & 0o077 == 0 for file in files if file.parent == folder)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, folder / "log"))
    assert len(passwords) >= 2
    assert not [file for file in files for password in passwords if password.encode() in file.read_bytes()]
    assert not list(here.iterdir())
