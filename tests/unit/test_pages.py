"""Shaping of what the pages show, without a database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.errors import LakehouseError
from include.pages import runbooks
from include.pages.frame import page, refusal
from include.pages.rejections import rejected_since
from include.pages.sales import freshness, full_steps
from include.pages.streams import rates
from lake.tables import SILVER_REJECTED

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", ["../README", "supervise_streams.md", "", "nothing", "Supervise_Streams"])
def test_only_runbooks_are_served(name: str) -> None:
    """A name that is no runbook gives nothing, whatever it looks like."""
    assert runbooks.runbook_html(name) is None


def test_html_in_a_runbook_is_shown_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And links between runbooks lead to pages, those to other files nowhere."""
    links = "[b](b.md#the-way) [up](../design.md) [x](javascript:alert(1))"
    text = f"# A page\n\n<script>alert(1)</script>\n\n{links}\n"
    (tmp_path / "a.md").write_text(text)
    monkeypatch.setattr(runbooks, "RUNBOOKS", tmp_path)

    html = runbooks.runbook_html("a")

    assert html is not None
    assert "<script" not in html
    assert 'href="b#the-way"' in html
    assert 'href="../design' not in html
    assert 'href="javascript' not in html


def test_a_title_is_text() -> None:
    """A heading with a sign that HTML knows does not break its page."""
    assert "<title>a &lt; b · Saleslake</title>" in page("a < b", "", up=".")
    assert "<b>" not in refusal(404, "<b>")


@pytest.mark.parametrize(
    ("age", "is_stale", "seen"),
    [(0, False, 1.0), (59, False, 0.983), (61, True, 0.983), (7_200, True, 0.0)],
)
def test_freshness_in_numbers(age: int, is_stale: bool, seen: float) -> None:
    """A minute makes an answer stale; an hour leaves nothing of the last hour."""
    found = freshness({}, NOON, NOON - timedelta(seconds=age))

    assert (found["is_stale"], found["age_seconds"]) == (is_stale, age)
    assert found["last_hour_seen"] == pytest.approx(seen, abs=0.001)


def test_a_step_is_full_when_the_stream_has_read_to_its_end() -> None:
    """12:07:30 leaves minute 7 out, and of steps of five minutes the one from 12:05."""
    as_of = NOON + timedelta(minutes=7, seconds=30)

    assert full_steps(as_of, 1) == int((NOON + timedelta(minutes=7)).timestamp())
    assert full_steps(as_of, 5) == int((NOON + timedelta(minutes=5)).timestamp())
    assert full_steps(None, 1) is None


def test_a_stream_without_a_batch_has_no_speed() -> None:
    """Neither before its first batch nor after one that took no time."""
    quiet = {"read_rows": 0, "batches": 0, "seconds": 300}

    assert rates(None, quiet)["last_batch_per_second"] is None
    assert rates({"batch_rows": 5, "batch_seconds": 0.0}, quiet)["last_batch_per_second"] is None


def test_rejected_records_are_counted_by_reason(tmp_path: Path) -> None:
    """Of the window alone, each under all of its reasons; a repeat is a duplicate."""
    rows = [([], 1), (["not_json"], 1), (["not_json", "too_large"], 2), (["not_utf8"], 120)]
    reasons = pa.array([reasons for reasons, _ in rows], pa.list_(pa.string()))
    arrived_at = pa.array([NOON - timedelta(minutes=age) for _, age in rows], pa.timestamp("us", "UTC"))
    table = pa.table({"reasons": reasons, "kafka_timestamp": arrived_at})
    path = SILVER_REJECTED.path(tmp_path)
    path.parent.mkdir(parents=True)
    write_deltalake(str(path), table)

    found = rejected_since(tmp_path, NOON - timedelta(hours=1))

    counts = {row["reason"]: row["records"] for row in found["by_reason"]}
    assert (found["records"], counts) == (3, {"not_json": 2, "too_large": 1, "duplicate": 1})


def test_a_damaged_table_is_said_in_words(tmp_path: Path) -> None:
    """With the page that says what to do."""
    log = SILVER_REJECTED.path(tmp_path) / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text("no json")

    with pytest.raises(LakehouseError, match="supervise_streams"):
        rejected_since(tmp_path, NOON)
