"""The gate fails closed: what was not judged, or not by the right suite, has failed."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.quality import gate
from include.quality.frames import Due
from include.quality.gate import judge
from include.quality.suites import FOLDER, Expectation, Suite
from include.quality.tables import REGION_SALES_HOURLY, SILVER_ORDERS
from include.quality.verdict import Verdict
from tests.quality_batches import HOUR, changed, good, owed

LATER = HOUR + timedelta(hours=1)
Rewrite = Callable[[dict[str, Any]], Any]


@pytest.fixture
def rewrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Rewrite], None]:
    """The suite of region_sales_hourly, changed on disk."""

    def rewrite(change: Rewrite) -> None:
        name = f"{REGION_SALES_HOURLY.suite}.json"
        suite = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        (tmp_path / name).write_text(json.dumps(change(suite)), encoding="utf-8")
        monkeypatch.setattr("include.quality.suites.FOLDER", tmp_path)

    return rewrite


def verdict() -> Verdict:
    (found,) = judge(good(REGION_SALES_HOURLY)).verdicts
    return found


def with_expectation(**changes: Any) -> Rewrite:
    return lambda suite: {**suite, "expectations": [{**suite["expectations"][1], **changes}]}


def test_no_file_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that was moved away must not look like one that found nothing."""
    monkeypatch.setattr("include.quality.suites.FOLDER", tmp_path)
    assert not verdict().success
    assert "include/expectations/region_sales_hourly.json" in verdict().fault


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda suite: {**suite, "expectations": []}, "it expects nothing"),
        (lambda suite: {**suite, "name": "gold_orders"}, "named 'gold_orders'"),
        (lambda suite: {"name": suite["name"]}, "KeyError: 'expectations'"),
        (lambda suite: [suite], "TypeError"),
        (with_expectation(type="expect_column_mean_to_be_between"), "none of the kinds"),
        (with_expectation(severity="info"), "KeyError: 'info'"),
        (with_expectation(meta={}), "KeyError: 'why'"),
        (with_expectation(kwargs={}), "KeyError"),
        (with_expectation(kwargs={"column_A": "hour_rows", "column_B": "orders"},
                          type="expect_column_pair_values_to_be_equal"), "not looked at together"),
    ],
)  # fmt: skip
def test_a_suite_that_could_not_judge_is_a_failure(
    rewrite: Callable[[Rewrite], None], change: Rewrite, said: str
) -> None:
    """Empty, about another table, cut off, or with something in it that we do not know."""
    rewrite(change)
    assert not verdict().success
    assert said in verdict().fault


@pytest.mark.parametrize(
    "kwargs",
    [
        {"column": "no_such_column", "value_set": [1]},
        {"column": "region", "value_set": {"$PARAMETER": "moons"}},
    ],
)
def test_an_expectation_that_cannot_be_judged_is_a_failure(
    rewrite: Callable[[Rewrite], None], kwargs: dict[str, Any]
) -> None:
    """Also one that would only warn: nobody knows what it would have said."""
    rewrite(with_expectation(kwargs=kwargs, severity="warning"))
    assert not verdict().success


def test_an_error_inside_great_expectations_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises."""

    def fail(*_: Any) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(gate, "_validate", fail)
    assert not verdict().success
    assert "out of luck" in verdict().as_text()


def test_a_missing_result_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Great Expectations leaves out what it does not like, and says so in its log only."""
    import great_expectations as gx

    class Forgetful(gx.ExpectationSuite):
        def __init__(self, name: str, expectations: list[Any]) -> None:
            super().__init__(name=name, expectations=expectations[1:])

    monkeypatch.setattr(gate.gx, "ExpectationSuite", Forgetful)
    assert "can be used" in verdict().fault


def test_no_row_looked_at_is_a_failure() -> None:
    """The ledger has orders; an empty table has no wrong row."""
    batch = good(SILVER_ORDERS)
    (found,) = judge(batch._replace(rows=batch.rows[:0])).verdicts
    assert not found.success
    assert found.fault == "no row was looked at, while the ledger has 1 orders, 2,150 cents"


def test_an_hour_without_orders_is_good_when_the_ledger_has_none() -> None:
    """Nothing sold is a fact."""
    batch = good(SILVER_ORDERS)
    nothing = {HOUR: Due(rows=0, orders=0, cents=0, minutes_behind=1.0)}
    (found,) = judge(batch._replace(rows=batch.rows[:0], due=nothing)).verdicts
    assert found.success


def test_a_wrong_value_fails_its_own_hour_only() -> None:
    """Hours are looked at together and judged one by one."""
    found = judge(changed(good(SILVER_ORDERS, hours=3), region="MARS")).verdicts
    assert [(one.hour, one.success) for one in found] == [
        (HOUR, False), (LATER, True), (LATER + timedelta(hours=1), True),
    ]  # fmt: skip
    assert "1 of 1 are not (MARS)" in found[0].as_text()


def test_what_holds_for_no_hour_alone_fails_them_all(rewrite: Callable[[Rewrite], None]) -> None:
    """The same region in two hours, and a suite that forbids it: nobody can say which hour is to blame."""
    keys = {"column_list": ["region", "orders"]}
    rewrite(with_expectation(type="expect_compound_columns_to_be_unique", kwargs=keys))
    assert [one.success for one in judge(good(REGION_SALES_HOURLY, hours=2)).verdicts] == [False, False]


def test_a_warning_is_no_failure() -> None:
    """It is said, and the hour is good."""
    (found,) = judge(owed(good(SILVER_ORDERS), minutes_behind=99.0)).verdicts
    assert (found.success, found.severity) == (True, "warn")
    assert "`minutes_behind` is at most 15: 1 of 1 are not (99.0)" in found.as_text()


def test_what_is_personal_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who ordered is in no message, no record and no page, whatever is wrong with it."""
    only = {"column": "customer_id", "value_set": ["C-9"]}
    asked = Expectation("expect_column_values_to_be_in_set", only, "fail", "A test.")
    monkeypatch.setattr(gate, "read_suite", lambda table: Suite(table.suite, (asked,)))

    judged = judge(changed(good(SILVER_ORDERS), customer_id="somebody"))

    assert not judged.verdicts[0].success
    assert "somebody" not in str(judged.verdicts) + str(judged.result)
