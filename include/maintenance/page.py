"""The whole plan as a page: what is compacted, what would be deleted, how long the logs are."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from include.maintenance.plan import Plan
from include.maintenance.waste import Heap, Waste
from include.settings import MaintenanceSettings

STEPS = ("table", "day", "action", "files", "MB", "why")
TABLES = ("table", "not needed", "of these not in the log", "deletable now", "log")
Next = Literal["ask", "delete", "summarize"]


class Page(NamedTuple):
    """A plan of both kinds of steps."""

    plan: Plan
    waste: list[Waste]
    policy: MaintenanceSettings
    is_dry_run: bool
    may_delete: bool = True

    @property
    def deletable(self) -> list[Waste]:
        return [one for one in self.waste if one.why(self.policy) is not None]

    @property
    def next(self) -> Next:
        """What comes after compacting: nobody is asked about nothing."""
        is_for_compacting = self.is_dry_run or not self.may_delete
        if is_for_compacting or not self.deletable or self.policy.vacuum_policy == "never":
            return "summarize"
        return "ask" if self.policy.vacuum_policy == "ask" else "delete"

    def as_markdown(self) -> str:
        """The headlines last, where a log is read first."""
        lines = [*_table(STEPS, self._steps()), *_table(TABLES, map(self._table_row, self.waste))]
        return "\n".join([*lines, self.plan.headline(), "", self.vacuum_headline()]).strip()

    def question(self) -> str:
        """What somebody has to approve, with what they need to know for it."""
        lines = _table(STEPS, (self._vacuum_row(one) for one in self.deletable))
        return "\n".join(
            [
                *lines,
                "**Deleted files do not come back.** Versions of the tables that need them can then not be"
                " read any more; the tables themselves do not change, which is proven before and after. Files"
                " that get old enough until the answer go, too. Rejecting loses nothing: the next night asks"
                " again. docs/runbooks/maintain_lake.md, 'It waits for an approval'.",
            ]
        )

    def vacuum_headline(self) -> str:
        if not self.deletable:
            return "No table has enough files to delete."
        then = {
            "ask": "somebody is asked first",
            "allow": "the policy allows it",
            "never": "the policy is `never`: they stay",
            "at night": "the run of the night sees to that",
        }
        policy = self.policy.vacuum_policy
        when = policy if self.may_delete or policy == "never" else "at night"
        return f"{self._sum()} can be deleted; {then[when]}."

    def _sum(self) -> str:
        files, size = (sum(one.expired[place] for one in self.deletable) for place in (0, 1))
        return f"{Heap(files, size)} of {len(self.deletable)} tables"

    def as_xcom(self) -> dict[str, Any]:
        return {
            "summary": self.as_markdown(),
            "steps": [*(step.as_json() for step in self.plan.steps), *self._vacuum_json()],
            "vacuum": [one.table.full_name for one in self.deletable],
            "deletable": self._sum(),
            "vacuum_headline": self.vacuum_headline(),
            "logs": {one.table.full_name: one.log._asdict() for one in self.waste},
            "question": self.question(),
            "next": self.next,
        }

    def _vacuum_json(self) -> list[dict[str, Any]]:
        return [one.as_json(self.policy) for one in self.deletable]

    def _steps(self) -> list[tuple[str, ...]]:
        compact = [
            (
                step.of.table.full_name,
                f"{step.of.day}",
                "compact",
                f"{step.of.files:,} → about {step.expected_files:,}",
                f"{step.of.bytes / 1e6:,.1f} → at most that",
                step.why,
            )
            for step in self.plan.steps
        ]
        return [*compact, *map(self._vacuum_row, self.deletable)]

    def _vacuum_row(self, one: Waste) -> tuple[str, ...]:
        left = one.unneeded.files - one.expired.files, one.unneeded.bytes - one.expired.bytes
        return (
            one.table.full_name,
            "all",
            "vacuum",
            f"{one.unneeded.files:,} → {left[0]:,} beside the table",
            f"{one.unneeded.bytes / 1e6:,.1f} → {left[1] / 1e6:,.1f}",
            one.why(self.policy) or "–",
        )

    def _table_row(self, one: Waste) -> tuple[str, ...]:
        log = one.log
        since = f"{log.commits_since_checkpoint:,} commits since its checkpoint"
        size = f"{log.files:,} files, {log.bytes / 1e6:,.1f} MB"
        return (
            one.table.full_name,
            f"{one.unneeded}",
            f"{one.unknown}",
            f"{one.expired}",
            f"{since}; {size}",
        )


def summary(
    plan: Mapping[str, Any],
    compacted: Mapping[str, Any],
    deleted: Mapping[str, Mapping[str, Any]] | None,
) -> str:
    """What became of a run, as its tasks tell it. `deleted`: None when that task was skipped."""
    if deleted is not None:
        ends = [f"- {name}: {_deleted(result)}" for name, result in deleted.items()]
    elif plan["next"] == "ask":
        # A rejecting task hands nothing back.
        ends = [
            f"{plan['deletable']}; nothing was deleted: somebody rejected it, or nobody answered in time"
            " (*Required actions* of the run say who). The next night asks again."
        ]
    else:
        ends = [f"Nothing was deleted. {plan['vacuum_headline']}"]
    return "\n".join([compacted["summary"], "", *ends])


def _deleted(result: Mapping[str, Any]) -> str:
    return (
        f"{result['files_deleted']:,} files, {result['bytes_deleted'] / 1e6:,.1f} MB deleted;"
        f" {result['rows']:,} rows as before, content {result['content']};"
        f" the stream waited {result['stream_waited_seconds']} s"
    )


def _table(titles: tuple[str, ...], rows: Any) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return []
    return [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}", *lines, ""]
