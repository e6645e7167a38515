"""Which days of which tables are compacted, why, and what is said about it."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.maintenance.plan import DayOfTable, Plan, Step, days_of, plan_of
from include.maintenance.run import Outcome, Summary
from include.settings import MaintenanceSettings
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, SILVER_REJECTED

TODAY, YESTERDAY = date(2026, 11, 22), date(2026, 11, 21)
POLICY = MaintenanceSettings(most_small_files=3, most_small_files_today=5)
RESULT = {"files_before": 9, "files_after": 1, "rows": 1_000, "content": "1000:0f", "seconds": 1.5}


def day(small: int, *, of: date = YESTERDAY, large: int = 0, table=SILVER_ORDERS) -> DayOfTable:
    return DayOfTable(table, of, small + large, small, 1_000 * small + 10**9 * large, 1_000 * small)


def planned(*days: DayOfTable) -> list[DayOfTable]:
    return [step.of for step in plan_of(days, POLICY, today=TODAY).steps]


def test_files_are_counted_by_day(tmp_path: Path) -> None:
    for number in range(3):
        rows = pa.table({"n": [number], "date_utc": [YESTERDAY if number else TODAY]})
        write_deltalake(SILVER_ORDERS.path(tmp_path), rows, mode="append", partition_by=["date_utc"])
    small, large = (days_of(SILVER_ORDERS, tmp_path, size) for size in (10**9, 1))
    assert [(one.day, one.files, one.small_files) for one in small] == [(YESTERDAY, 2, 2), (TODAY, 1, 1)]
    assert [one.small_files for one in large] == [0, 0]
    assert all(one.bytes == one.small_bytes > 0 for one in small)
    assert [one.small_bytes for one in large] == [0, 0]


def test_a_table_that_is_not_there_has_no_days(tmp_path: Path) -> None:
    assert days_of(SILVER_ORDERS, tmp_path, 1) == []


@pytest.mark.parametrize(("small", "large", "is_planned"), [(2, 0, False), (3, 0, True), (2, 9, False)])
def test_a_day_that_is_over_may_have_few_small_files(small: int, large: int, is_planned: bool) -> None:
    one = day(small, large=large)
    assert planned(one) == [one] * is_planned


def test_today_may_have_more() -> None:
    four, five = day(4, of=TODAY), day(5, of=TODAY)
    assert planned(four, five) == [five]


def test_the_worst_comes_first() -> None:
    few, many = day(3, table=BRONZE_ORDERS), day(30, table=SILVER_REJECTED)
    assert planned(few, many) == [many, few]


def test_a_plan_says_why() -> None:
    plan = plan_of([day(1_234), day(1)], POLICY, today=TODAY)
    assert plan.steps[0].why == "1,234 files below 32 MiB; 3 are too many for a day that is over"
    assert plan.headline() == (
        "1 days of tables to compact, 1,234 files become about 1; 1 are left as they are."
    )


def test_nothing_to_do_is_said() -> None:
    assert Plan([], [day(1)]).headline() == "Nothing to do: 1 days of tables are as they should be."


def test_a_step_expects_files_of_a_gigabyte() -> None:
    assert Step(day(1), "").expected_files == 1
    size = 2 * 1024**3 + 1
    assert Step(DayOfTable(SILVER_ORDERS, TODAY, 9, 9, size, size), "").expected_files == 3


def test_large_files_stay_as_they_are() -> None:
    assert Step(day(9, large=4), "").expected_files == 5


def test_a_summary_shows_each_step_and_what_became_of_it() -> None:
    step = Step(day(9), "many")
    said = Summary(Plan([step], []), [Outcome(step, RESULT)], False).as_markdown().splitlines()
    assert said[2] == (
        "| silver.orders | 2026-11-21 | 9 | 0.0 | many | 9 → 1 files of the table, 1,000 rows as before,"
        " content 1000:0f, 1.5 s |"
    )
    assert said[-1].startswith("1 days of tables to compact")


def test_a_dry_run_says_that_it_is_one() -> None:
    step = Step(day(9), "many")
    said = Summary(Plan([step], []), [], True).as_markdown()
    assert "| many | – |" in said
    assert said.splitlines()[-1].startswith("Dry run, no table was touched.")
