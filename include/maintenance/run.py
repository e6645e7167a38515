"""Plan, have it carried out by the lake writer, and say what came of it."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from include.errors import TableRequestFailed
from include.maintenance.plan import Plan, Step, days_of, plan_of
from include.settings import MaintenanceSettings
from include.table_requests import Connecting, Optimize, Vacuum, ask, await_outcome
from lake.tables import Table

TITLES = ("table", "day", "files", "MB", "why", "outcome")


class Outcome(NamedTuple):
    """What became of a step. `result` is the lake writer's."""

    step: Step
    result: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {**self.step.as_json(), "result": dict(self.result)}


class Summary(NamedTuple):
    plan: Plan
    outcomes: list[Outcome]
    is_dry_run: bool

    def as_markdown(self) -> str:
        """A row per step, and the headline last, where a log is read first."""
        results = {outcome.step: outcome.result for outcome in self.outcomes}
        rows = [
            (
                step.of.table.full_name,
                f"{step.of.day}",
                f"{step.of.files:,}",
                f"{step.of.bytes / 1e6:,.1f}",
                step.why,
                _said(results.get(step)),
            )
            for step in self.plan.steps
        ]
        lines = [f"| {' | '.join(row)} |" for row in [TITLES, ("---",) * len(TITLES), *rows]] if rows else []
        return "\n".join([*lines, "", self.headline()]).strip()

    def headline(self) -> str:
        dry = "Dry run, no table was touched. " if self.is_dry_run else ""
        return f"{dry}{self.plan.headline()}"

    def as_xcom(self) -> dict[str, Any]:
        return {
            "summary": self.as_markdown(),
            "dry_run": self.is_dry_run,
            "steps": [step.as_json() for step in self.plan.steps],
            "outcomes": [outcome.as_json() for outcome in self.outcomes],
        }


def make_plan(root: Path, policy: MaintenanceSettings, tables: Iterable[Table], *, today: date) -> Plan:
    days = [one for table in tables for one in days_of(table, root, policy.small_file_bytes)]
    return plan_of(days, policy, today=today)


def maintain(
    connecting: Connecting, root: Path, policy: MaintenanceSettings, tables: Iterable[Table], *,
    today: date, by: str, dry_run: bool,
) -> Summary:  # fmt: skip
    """
    Carry the plan out, one day of one table at a time: the stream writes batches in between.

    Raises:
        TableRequestFailed: a step failed or was not carried out in time. Those before it are done.
    """
    plan = make_plan(root, policy, tables, today=today)
    if dry_run:
        return Summary(plan, [], True)
    outcomes = []
    for number, step in enumerate(plan.steps, start=1):
        with connecting() as connection:
            request = ask(connection, Optimize(step.of.table, (step.of.day,)), by=by)
        try:
            done = await_outcome(connecting, request, seconds=policy.step_timeout_seconds)
        except TableRequestFailed as error:
            raise TableRequestFailed(
                f"Step {number} of {len(plan.steps)}, {step.of.table.full_name} of {step.of.day}: {error} The"
                f" {number - 1} steps before it are done; a new run plans what is left."
            ) from error
        outcomes.append(Outcome(step, done.result or {}))
    return Summary(plan, outcomes, False)


def delete_unneeded(
    connecting: Connecting, policy: MaintenanceSettings, tables: Iterable[Table], *, by: str
) -> dict[str, Mapping[str, Any]]:
    """
    VACUUM one table after the other; returns what became of each. Twice is once.

    Raises:
        TableRequestFailed: one failed, is read by somebody, or was not carried out in time. Those before it
            are done.
    """
    done: dict[str, Mapping[str, Any]] = {}
    for table in tables:
        with connecting() as connection:
            request = ask(connection, Vacuum(table), by=by)
        try:
            outcome = await_outcome(connecting, request, seconds=policy.step_timeout_seconds)
        except TableRequestFailed as error:
            raise TableRequestFailed(
                f"VACUUM of {table.full_name}: {error} Done before it: {', '.join(done) or 'none'}."
            ) from error
        done[table.full_name] = outcome.result or {}
    return done


def _said(result: Mapping[str, Any] | None) -> str:
    if result is None:
        return "–"
    return (
        f"{result['files_before']:,} → {result['files_after']:,} files of the table, {result['rows']:,} rows"
        f" as before, content {result['content']}, {result['seconds']} s"
    )
