"""A suite against a batch: a verdict for every hour. Whatever goes wrong is a failed hour."""

import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig

from include.quality.frames import Batch, hours_frame
from include.quality.parameters import PARAMETERS
from include.quality.suites import Expectation, Suite, read_suite
from include.quality.tables import WITHOUT_SAMPLES
from include.quality.verdict import Outcome, Verdict
from include.quality.words import columns_of

log = logging.getLogger(__name__)

MAX_SAMPLES = 5
# A context keeps what it was given last; two threads of a process take turns.
_one_at_a_time = threading.Lock()

Results = list[ExpectationValidationResult]


class Judged(NamedTuple):
    """Verdicts by hour, and Great Expectations' own result for the pages; None when there is none."""

    verdicts: list[Verdict]
    result: ExpectationSuiteValidationResult | None


def judge(batch: Batch) -> Judged:
    """
    A verdict on each hour of the batch. Nothing is raised: what could not be judged has failed.

    All hours are looked at together, because most of the time goes into Great Expectations' own preparations.
    An expectation that does not hold for all of them is then looked at hour by hour.
    """
    try:
        suite = read_suite(batch.table)
        with _one_at_a_time:
            results = _results(suite, suite.expectations, batch)
            outcomes = _by_hour(suite, batch, results)
    except Exception as error:
        log.exception("Judging %s", batch.table.full_name)
        return Judged(unjudged(batch.table.full_name, batch.table.suite, batch.due, error), None)
    verdicts = [
        Verdict(batch.table.full_name, suite.name, hour, tuple(outcomes[hour]), _fault(batch, hour))
        for hour in batch.due
    ]
    return Judged(verdicts, _page(suite, results))


def unjudged(table: str, suite: str, hours: Iterable[datetime], error: Exception) -> list[Verdict]:
    """Every hour has failed, for a reason that is none of the data's."""
    return [Verdict(table, suite, hour, (), f"{type(error).__name__}: {error}") for hour in hours]


def _fault(batch: Batch, hour: datetime) -> str:
    if batch.due[hour].is_something and not (batch.rows["hour_utc"] == hour).any():
        return f"no row was looked at, while the ledger has {batch.due[hour].describe()}"
    return ""


def _by_hour(suite: Suite, batch: Batch, results: Results) -> dict[datetime, list[Outcome]]:
    found = {hour: list[Outcome]() for hour in batch.due}
    for expectation, result in zip(suite.expectations, results, strict=True):
        outcome = _outcome(expectation, result)
        alone = dict.fromkeys(batch.due, outcome)
        if not outcome.success and len(batch.due) > 1:
            alone = {hour: _alone(suite, expectation, batch.of_hour(hour)) for hour in batch.due}
            if all(one.success for one in alone.values()):
                alone = dict.fromkeys(batch.due, outcome)
        for hour, one in alone.items():
            found[hour].append(one)
    return found


def _alone(suite: Suite, expectation: Expectation, batch: Batch) -> Outcome:
    return _outcome(expectation, _results(suite, (expectation,), batch)[0])


def _results(suite: Suite, expectations: Sequence[Expectation], batch: Batch) -> Results:
    """One result per expectation, in their order."""
    hours = [one for one in expectations if one.is_of_hours]
    rows = [one for one in expectations if not one.is_of_hours]
    of_hours = iter(_validate(suite.name, hours, hours_frame(batch)) if hours else ())
    of_rows = iter(_validate(suite.name, rows, batch.rows) if rows else ())
    return [next(of_hours) if one.is_of_hours else next(of_rows) for one in expectations]


def _validate(name: str, expectations: Sequence[Expectation], frame: pd.DataFrame) -> Results:
    listed = [{**one.as_json(), "id": str(UUID(int=number))} for number, one in enumerate(expectations)]
    made = gx.ExpectationSuite(name=name, expectations=listed)
    # One that Great Expectations does not like is logged by it and left out.
    if len(made.expectations) != len(expectations):
        raise ValueError(f"{len(expectations)} expectations, of which {len(made.expectations)} can be used")
    batch = _batches().get_batch(batch_parameters={"dataframe": frame})
    found = batch.validate(made, expectation_parameters=PARAMETERS, result_format="BASIC")
    # They come in an order of their own.
    answers = {
        result.expectation_config.id: _without_samples(result)
        for result in found.results
        if result.expectation_config
    }
    if missing := {one["id"] for one in listed} - answers.keys():
        raise ValueError(f"{len(missing)} of {len(expectations)} expectations got no result")
    return [answers[one["id"]] for one in listed]


@cache
def _batches() -> Any:
    """Where a frame becomes something that Great Expectations can validate. It knows no disk."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    frames = context.data_sources.add_pandas("saleslake").add_dataframe_asset("rows")
    return frames.add_batch_definition_whole_dataframe("hours")


def _without_samples(result: ExpectationValidationResult) -> ExpectationValidationResult:
    """What may tell about a person goes no further than here."""
    config = result.expectation_config
    if config is None or set(columns_of(config.kwargs)) & set(WITHOUT_SAMPLES):
        result.result = {
            key: value for key, value in result.result.items() if "list" not in key and "counts" not in key
        }
    return result


def _outcome(expectation: Expectation, result: ExpectationValidationResult) -> Outcome:
    detail = result.result or {}
    error = str(result.exception_info) if _has_raised(result.exception_info) else ""
    samples = tuple(dict.fromkeys(map(str, detail.get("partial_unexpected_list") or ())))
    return Outcome(
        kind=expectation.kind,
        words=expectation.words,
        severity="fail" if error else expectation.severity,
        why=expectation.why,
        success=bool(result.success) and not error,
        looked_at=int(detail.get("element_count") or 0),
        unexpected=int(detail.get("unexpected_count") or 0),
        samples=samples[:MAX_SAMPLES],
        error=error,
    )


def _has_raised(info: Any) -> bool:
    """`{"raised_exception": …}`, or one of these for each metric."""
    if not isinstance(info, dict):
        return False
    return bool(info.get("raised_exception")) or any(map(_has_raised, info.values()))


def _page(suite: Suite, results: Results) -> ExpectationSuiteValidationResult:
    good = sum(bool(result.success) for result in results)
    return ExpectationSuiteValidationResult(
        success=good == len(results),
        results=results,
        suite_name=suite.name,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100 * good / len(results),
        },
        meta={"great_expectations_version": gx.__version__},
    )
