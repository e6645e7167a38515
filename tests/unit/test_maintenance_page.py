"""What is planned about files that nobody needs, who is asked, and what is said in the end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.maintenance.page import Page, summary
from include.maintenance.plan import Plan
from include.maintenance.waste import Heap, Waste
from include.settings import MaintenanceSettings
from include.table_files import Log
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, Table

LOG = Log(1_234, 34, 120, 2_000_000)
MEGABYTE = 1_000_000
COMPACTED = {"summary": "2 days of tables to compact"}
RESULT = {
    "files_deleted": 1_500, "bytes_deleted": 3 * MEGABYTE, "rows": 10, "content": "10:0f",
    "stream_waited_seconds": 0.4,
}  # fmt: skip


def waste(expired: int, *, size: int = 0, table: Table = SILVER_ORDERS) -> Waste:
    oldest = datetime(2026, 11, 1, tzinfo=UTC)
    beside = Heap(expired + 10, size + MEGABYTE)
    return Waste(table, beside, Heap(3, 9), Heap(expired, size), oldest, timedelta(days=7), LOG)


def page(*found: Waste, dry_run: bool = False, **policy: Any) -> Page:
    settings = MaintenanceSettings(vacuum_least_files=100, vacuum_least_bytes=MEGABYTE, **policy)
    return Page(Plan([], []), list(found), settings, dry_run)


@pytest.mark.parametrize(
    ("expired", "size", "is_worth_it"),
    [(0, 0, False), (99, 10, False), (100, 10, True), (1, MEGABYTE, True), (0, MEGABYTE, False)],
)
def test_little_is_left_lying(expired: int, size: int, is_worth_it: bool) -> None:
    """A quiet night must not wait for a person."""
    planned = page(waste(expired, size=size))
    assert bool(planned.deletable) is is_worth_it
    assert planned.next == ("ask" if is_worth_it else "summarize")


@pytest.mark.parametrize(
    ("policy", "dry_run", "then"),
    [
        ("ask", False, "ask"),
        ("allow", False, "delete"),
        ("never", False, "summarize"),
        ("ask", True, "summarize"),
        ("allow", True, "summarize"),
    ],
)
def test_the_policy_decides_what_comes_next(policy: str, dry_run: bool, then: str) -> None:
    assert page(waste(1_000), vacuum_policy=policy, dry_run=dry_run).next == then


@pytest.mark.parametrize("policy", ["ask", "allow"])
def test_a_run_of_the_day_leaves_deleting_to_the_night(policy: str) -> None:
    planned = page(waste(1_000), vacuum_policy=policy)._replace(may_delete=False)
    assert planned.next == "summarize"
    assert planned.vacuum_headline() == (
        "1,000 files, 0.0 MB of 1 tables can be deleted; the run of the night sees to that."
    )


def test_what_is_never_deleted_is_not_put_off_to_the_night() -> None:
    planned = page(waste(1_000), vacuum_policy="never")._replace(may_delete=False)
    assert planned.vacuum_headline() == (
        "1,000 files, 0.0 MB of 1 tables can be deleted; the policy is `never`: they stay."
    )


def test_the_question_has_before_and_after_and_why() -> None:
    asked = page(waste(1_500, size=3 * MEGABYTE), waste(1, table=BRONZE_ORDERS)).question()
    assert (
        "| silver.orders | all | vacuum | 1,510 → 10 beside the table | 4.0 → 1.0 | 1,500 files, 3.0 MB that"
        " no version of the last 7 days needs, the oldest since 2026-11-01 |"
    ) in asked
    assert "bronze.orders" not in asked
    assert "do not come back" in asked


def test_the_plan_shows_every_table_and_its_log() -> None:
    said = page(waste(1)).as_markdown()
    assert "| silver.orders | 11 files, 1.0 MB | 3 files, 0.0 MB | 1 files, 0.0 MB |" in said
    assert "34 commits since its checkpoint; 120 files, 2.0 MB" in said
    assert said.splitlines()[-1] == "No table has enough files to delete."


def test_the_xcom_names_the_tables_and_their_steps() -> None:
    told = page(waste(1_500, size=3 * MEGABYTE), waste(1, table=BRONZE_ORDERS)).as_xcom()
    assert (told["vacuum"], told["next"]) == (["silver.orders"], "ask")
    assert [(step["action"], step["files"], step["expected_files"]) for step in told["steps"]] == [
        ("vacuum", 1_510, 10)
    ]


REJECTED = "1,500 files, 0.0 MB of 1 tables; nothing was deleted: somebody rejected it, or nobody answered"


@pytest.mark.parametrize(
    ("policy", "deleted", "end"),
    [
        ("ask", None, REJECTED),
        ("never", None, "Nothing was deleted. 1,500 files, 0.0 MB of 1 tables can be deleted; the policy is"),
        ("ask", {"silver.orders": RESULT},
         "- silver.orders: 1,500 files, 3.0 MB deleted; 10 rows as before, content 10:0f; the stream waited"),
    ],
)  # fmt: skip
def test_the_end_says_what_became_of_it(policy: str, deleted: Any, end: str) -> None:
    told = summary(page(waste(1_500), vacuum_policy=policy).as_xcom(), COMPACTED, deleted).splitlines()
    assert told[0] == COMPACTED["summary"]
    assert told[-1].startswith(end)
