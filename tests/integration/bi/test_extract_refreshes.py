"""Which hours a refresh reads: those that changed; and how it goes on when it was killed."""

import psutil
import pytest

from bi.extracts import reading
from bi.extracts import refresh as refreshing
from bi.extracts.refresh import FILE, refresh
from include.errors import LakehouseError
from tests.filled_marts import fill
from tests.hyper_extracts import (
    CONTRACT,
    END,
    HOUR,
    HOURS,
    PUBLISHED_AGAIN,
    Killed,
    assert_same,
    in_extract,
)  # fmt: skip

pytest.importorskip("tableauhyperapi")
pytestmark = pytest.mark.stack


def end(*_: object) -> None:
    raise Killed


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
    assert_same(folder, owner)


def test_an_hour_that_is_gone_is_removed(owner, own_sales_database, folder):
    """Its publications are no longer there, nor are its rows in the extract."""
    refresh(own_sales_database, folder)
    owner.execute(
        "delete from marts.publications where mart = 'order_value_hourly' and hour_utc = %s", [HOUR]
    )

    again = refresh(own_sales_database, folder)

    assert (again.hours_read, again.hours_kept, again.hours_removed) == (0, HOURS - 1, 1)
    assert HOUR not in {row[0] for row in in_extract(folder / FILE, "order_value_hourly")}


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
    assert_same(folder, owner)


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_a_killed_refresh_goes_on(owner, own_sales_database, folder, monkeypatch, is_first):
    """Killed between two steps: the old file is untouched, and the next run reads only what is missing."""
    monkeypatch.setattr(reading, "BATCH_ROWS", 1)
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
    assert_same(folder, owner)


def test_the_next_refresh_goes_on_after_the_engine_was_killed(owner, own_sales_database, folder, monkeypatch):
    """SIGKILL in the middle: the error says so, and no half of a step is left."""
    monkeypatch.setattr(reading, "BATCH_ROWS", 1)

    def kill_the_engine(part: str, done: int, total: int) -> None:
        if part == "product_sales_hourly" and done:
            for child in psutil.Process().children():
                if "hyperd" in child.name():
                    child.kill()

    with pytest.raises(LakehouseError, match=r"saleslake\.hyper: Tableau's Hyper engine says"):
        refresh(own_sales_database, folder, report=kill_the_engine)
    assert not (folder / FILE).exists()

    assert 0 < refresh(own_sales_database, folder).hours_kept < HOURS
    assert_same(folder, owner)


def test_a_step_is_done_whole_or_not_at_all(owner, own_sales_database, folder, monkeypatch):
    """Killed after rows were copied, before their versions were: the rows are not there twice."""
    with monkeypatch.context() as patch:
        patch.setattr(refreshing, "add_versions", end)
        with pytest.raises(Killed):
            refresh(own_sales_database, folder)

    assert refresh(own_sales_database, folder).hours_read == HOURS
    assert_same(folder, owner)


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
    assert_same(folder, owner)
