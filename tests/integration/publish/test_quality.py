"""The quality gates of a publish: silver, gold and the marts to be, hour by hour."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.publish.request import Request
from include.publish.run import publish
from include.quality.audit import Audit
from include.quality.suites import FOLDER
from tests.integration.publish.publishing import (
    EVERYTHING,
    HOUR,
    LATER,
    SETTINGS,
    outcomes,
    rows,
    run,
    two_orders,
)
from tests.lake_double import LakeDouble, silver_order

pytestmark = pytest.mark.stack

# Seen by conftest.py: here the gates judge.
JUDGES = True


@pytest.fixture
def suites(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The suites, as files that a test may spoil."""
    folder = tmp_path_factory.mktemp("suites") / "expectations"
    shutil.copytree(FOLDER, folder)
    monkeypatch.setattr("include.quality.suites.FOLDER", folder)
    return folder


def marts_expect(folder: Path, suite: str, kind: str, severity: str = "critical", **kwargs: Any) -> None:
    """One more expectation in the file of a suite."""
    path = folder / f"{suite}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    more = {"type": kind, "kwargs": kwargs, "severity": severity, "meta": {"why": "A test."}}
    path.write_text(
        json.dumps({**content, "expectations": [*content["expectations"], more]}), encoding="utf-8"
    )


def test_an_hour_is_published_when_every_suite_passes(lake: LakeDouble) -> None:
    """Eight tables are looked at, and every look is recorded."""
    lake.batch(two_orders(), LATER)
    audits: list[Audit] = []

    summary = publish(lake.connection, lake.root, SETTINGS, EVERYTHING, audits.append)

    assert outcomes(summary) == ["published"]
    assert rows(
        lake.connection,
        "select table_name, success, severity from ops.quality_results where run_id = 'run-1' order by 1",
    ) == [
        ("gold.order_value_minute", True, None),
        ("gold.product_sales_minute", True, None),
        ("marts.fct_order_lines", True, None),
        ("marts.fct_orders", True, None),
        ("marts.order_value_hourly", True, None),
        ("marts.product_sales_hourly", True, None),
        ("marts.region_sales_hourly", True, None),
        # The test's stream stopped reading long ago.
        ("silver.orders", True, "warn"),
    ]
    assert len(audits[0].pages) == 8


def test_a_wrong_value_in_silver_stops_its_hour_only(lake: LakeDouble) -> None:
    """The sums are right, so that the gate on sums lets it pass; the message says what, where, what now."""
    odd = silver_order("O-1", HOUR + timedelta(minutes=1), channel="fax")
    lake.batch([odd, silver_order("O-5", HOUR + timedelta(hours=1))], LATER)

    summary = run(lake)

    assert outcomes(summary) == ["failed", "published"]
    detail = summary.results[0].detail
    assert "silver.orders, hour 2026-11-22T10:00Z" in detail
    assert "`channel` is one of: the channels: 1 of 1 are not (fax)" in detail
    assert "the marts keep nothing of it" in detail
    assert "docs/runbooks/publish_marts.md, 'A quality gate failed'" in detail


def test_a_missing_suite_stops_every_hour(lake: LakeDouble, suites: Path) -> None:
    """A gate without a suite is no gate; what was published stays."""
    lake.batch(two_orders(), LATER)
    run(lake)
    (suites / "gold_order_value_minute.json").unlink()
    lake.batch([silver_order("O-3", HOUR + timedelta(minutes=3))], LATER)

    summary = run(lake)

    assert outcomes(summary) == ["failed"]
    assert "the marts keep version 1 of it" in summary.results[0].detail
    assert rows(lake.connection, "select count(*) from marts.fct_orders") == [(2,)]
    assert rows(
        lake.connection,
        "select evaluated, details ->> 'fault' like '%gold_order_value_minute.json%' from ops.quality_results"
        " where table_name = 'gold.order_value_minute' and not success",
    ) == [(0, True)]


def test_a_mart_is_audited_before_anybody_reads_it(lake: LakeDouble, suites: Path) -> None:
    """Lake and sums are right and one mart is not: its hour is not published, the other is."""
    marts_expect(
        suites, "fct_orders", "expect_column_values_to_be_in_set", column="region", value_set=["EMEA"]
    )
    lake.batch([*two_orders(), silver_order("O-5", HOUR + timedelta(hours=1))], LATER)

    summary = run(lake)

    assert outcomes(summary) == ["failed", "published"]
    assert "marts.fct_orders" in summary.results[0].detail
    assert rows(lake.connection, "select distinct hour_utc from marts.publications") == [
        (HOUR + timedelta(hours=1),)
    ]


def test_a_warning_is_shown_recorded_and_stops_nothing(lake: LakeDouble, suites: Path) -> None:
    """Severity warn."""
    lake.batch(two_orders(), LATER)
    marts_expect(
        suites, "region_sales_hourly", "expect_column_values_to_be_between", "warning",
        column="revenue_cents", max_value=1,
    )  # fmt: skip

    summary = run(lake)

    assert outcomes(summary) == ["published"]
    assert "`revenue_cents` is at most 1: 2 of 2 are not" in summary.results[0].detail
    assert rows(
        lake.connection,
        "select success, severity, failed, details -> 'not_as_expected' -> 0 ->> 'why'"
        " from ops.quality_results where table_name = 'marts.region_sales_hourly'",
    ) == [(True, "warn", 1, "A test.")]


def test_a_dry_run_asks_the_suites_too(lake: LakeDouble, suites: Path) -> None:
    """What would not be published is not called checked."""
    lake.batch(two_orders(), LATER)
    (suites / "fct_orders.json").unlink()
    assert outcomes(run(lake, Request("run-1", hours=[HOUR], dry_run=True))) == ["failed"]


def test_what_was_not_audited_is_not_published(lake: LakeDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mart that comes out different from what the suites saw is rolled back."""
    lake.batch(two_orders(), LATER)
    seen = Audit.content
    monkeypatch.setattr(Audit, "content", lambda self, hour: dict(list(seen(self, hour).items())[1:]))

    summary = run(lake)

    assert outcomes(summary) == ["failed"]
    assert "fct_orders came out different" in summary.results[0].detail
    assert rows(lake.connection, "select count(*) from marts.fct_orders") == [(0,)]


def test_an_hour_without_a_verdict_is_not_published(
    lake: LakeDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that was forgotten counts as bad."""
    lake.batch(two_orders(), LATER)
    monkeypatch.setattr("include.quality.audit.MARTS", ())
    assert outcomes(run(lake)) == ["failed"]
