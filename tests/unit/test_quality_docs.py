"""The pages of a run: there as a whole, readable, and only the last ones kept."""

import re
from pathlib import Path

import pytest

from include.quality.audit import Page
from include.quality.data_docs import build
from include.quality.gate import judge
from include.quality.tables import REGION_SALES_HOURLY
from tests.quality_batches import HOUR, changed, good


@pytest.fixture(scope="module")
def page() -> Page:
    result = judge(changed(good(REGION_SALES_HOURLY), region="MARS")).result
    assert result is not None
    return Page([HOUR], result)


def test_a_page_says_what_was_found_and_why_it_matters(tmp_path: Path, page: Page) -> None:
    """The value that is wrong, and the sentence of the suite; the index leads to the run."""
    folder = build(tmp_path, "publish_marts-run-1", [page], kept_runs=3)

    (found,) = folder.glob("validations/region_sales_hourly/**/*.html")
    text = found.read_text(encoding="utf-8")
    assert "MARS" in text
    expected = (folder / "expectations" / "region_sales_hourly.html").read_text(encoding="utf-8")
    assert "Marts and dashboards know no other region." in expected
    assert found.relative_to(folder).as_posix() in (folder / "index.html").read_text(encoding="utf-8")
    assert "publish_marts-run-1/index.html" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_page_loads_and_runs_nothing_from_elsewhere(tmp_path: Path, page: Page) -> None:
    """It is read behind Airflow's login; its style sheet is found where the pages are served."""
    folder = build(tmp_path / "data-docs", "run-1", [page], kept_runs=3)
    pages = list(folder.parent.rglob("*.html"))
    assert len(pages) > 3
    for file in pages:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"<script|<(?:link|img)[^>]*https?:|<i class", text), file
        (style,) = re.findall(r'href="([./]*static/vendor/bootstrap.min.css)"', text)
        assert (file.parent / style).resolve() == tmp_path / "static" / "vendor" / "bootstrap.min.css"


def test_the_last_runs_are_kept(tmp_path: Path, page: Page) -> None:
    """The folder does not grow for ever, and has nothing half made in it."""
    for number in range(3):
        build(tmp_path, f"run-{number}", [page], kept_runs=2)

    assert sorted(one.name for one in tmp_path.iterdir()) == ["index.html", "run-1", "run-2"]


def test_a_run_that_is_tried_again_has_its_pages_once(tmp_path: Path, page: Page) -> None:
    """The later look replaces the earlier."""
    for _ in range(2):
        folder = build(tmp_path, "run-1", [page], kept_runs=2)

    assert len(list(folder.glob("validations/**/*.html"))) == 1


def test_pages_that_cannot_be_made_leave_the_old_ones(
    tmp_path: Path, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader never sees half a run."""
    build(tmp_path, "run-1", [page], kept_runs=2)
    monkeypatch.setattr("include.quality.data_docs.hours_name", lambda hours: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        build(tmp_path, "run-2", [page], kept_runs=2)

    assert sorted(one.name for one in tmp_path.iterdir()) == ["index.html", "run-1"]
