"""What an extract holds, by the real Hyper engine and a real database: the same, and private."""

from datetime import timedelta

import pytest

from bi.extracts.hyper_engine import api
from bi.extracts.questions import measure_in_extract, question_in_extract
from bi.extracts.refresh import FILE, Refreshed, refresh
from bi.queries import query, question_sql
from include.errors import LakehouseError
from include.settings import PostgresSettings
from tests.filled_marts import fill
from tests.hyper_extracts import (
    AGGREGATES,
    CONTRACT,
    DETAIL,
    END,
    FIRST,
    HOUR,
    HOURS,
    PUBLISHED_AGAIN,
    Killed,
    assert_same,
    in_extract,
    to_the_cent,
)  # fmt: skip

pytest.importorskip("tableauhyperapi")
pytestmark = pytest.mark.stack
ASKED = {"first": FIRST, "end": END}
DETAIL_PUBLISHED = """
insert into marts.publications (mart, hour_utc, version, as_of, source_versions, row_count, amount_cents,
    completeness, content_hash, batch_id, run_id)
select '{0}', hour_utc, 1, now(), '{{}}', count(*), 0, 1, 'h', 7, 'run' from marts.{0} group by hour_utc
"""


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


def test_every_question_gives_the_same_rows(owner, own_sales_database, folder):
    """In the same order, products of one name apart."""
    file = refresh(own_sales_database, folder).file

    for question in CONTRACT.questions:
        known = owner.execute(question_sql(CONTRACT, question), ASKED).fetchall()
        found = question_in_extract(file, CONTRACT, question, FIRST, END)
        assert known
        assert to_the_cent(found) == to_the_cent(known), question


def test_every_table_holds_the_same_values(owner, own_sales_database, folder):
    """Column by column: times, flags, shares and names."""
    owner.execute("update marts.order_value_hourly set completeness = 0.123 where hour_utc = %s", [HOUR])
    refresh(own_sales_database, folder)

    assert_same(folder, owner, (*AGGREGATES, "dim_product", "dim_region", "dim_date"))


def test_orders_and_lines_are_there_when_asked_for_and_not_after(owner, own_sales_database, folder):
    """Two refreshes with detail, one without: the aggregates are read once."""
    for name in DETAIL:
        owner.execute(DETAIL_PUBLISHED.format(name))
    refresh(own_sales_database, folder)

    with_detail = refresh(own_sales_database, folder, detail=True)
    assert_same(folder, owner, DETAIL)
    assert (with_detail.hours_read, with_detail.hours_kept) == (10, HOURS)

    assert refresh(own_sales_database, folder).hours_kept == HOURS
    with pytest.raises(api().HyperException, match="does not exist"):
        in_extract(folder / FILE, "fct_orders")


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

    with pytest.raises(LakehouseError, match=r"(?s)from 127\.0\.0\.1:1/sales: .*saleslake up"):
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
