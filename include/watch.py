"""What was seen of the stream, judged and done about it, and how that is told."""

from typing import Any, NamedTuple

from include.errors import NeedsAPerson
from include.measures import Measure
from include.severity import Reason, worst_first
from include.stream_facts import STREAM
from include.stream_runtime import Process
from include.supervision import Progress, Verdict


class Watch(NamedTuple):
    """One look at the stream."""

    process: Process
    progress: Progress | None
    verdict: Verdict
    measures: tuple[Measure, ...] = ()
    done: str = "Nothing was done."

    def with_measures(self, measures: list[Measure]) -> "Watch":
        """With more rows of the table, and what they say against the stream."""
        found = [one.reason for one in measures if one.reason]
        verdict = self.verdict._replace(reasons=worst_first([*self.verdict.reasons, *found]))
        return self._replace(verdict=verdict, measures=(*self.measures, *measures))

    @property
    def complaints(self) -> list[Reason]:
        return [reason for reason in self.verdict.reasons if reason.severity != "ok"]

    @property
    def judged_kinds(self) -> list[str]:
        """The kinds of incidents this look could say something about: only those can be over."""
        kinds = [one.kind for one in self.measures if one.kind and one.severity is not None]
        # A stream that only starts, or was stopped, has not shown that what ailed it is over.
        moves = ("stuck", "slow") if self.verdict.health in ("healthy", "slow") else ()
        return [*kinds, *moves, "stopped", "ledger"]

    def as_markdown(self) -> str:
        severity, health = self.verdict.severity, self.verdict.health
        headline = f"**{STREAM}: {severity}, {health}** – {self.verdict.text}. {self.done}"
        rows = [
            f"| {row.name} | {row.value} | {row.threshold} | {row.severity or '–'} |" for row in self.measures
        ]
        head = ["| measure | value | threshold | judgement |", "|---|---|---|---|"]
        return "\n".join([headline, "", *head, *rows])

    def as_xcom(self) -> dict[str, Any]:
        return {
            "health": self.verdict.health,
            "action": self.verdict.action,
            "severity": self.verdict.severity,
            "reasons": [reason._asdict() for reason in self.complaints],
            "measures": [row._asdict() for row in self.measures],
            "summary": self.as_markdown(),
        }

    def raise_for_critical(self) -> None:
        """
        Raises:
            NeedsAPerson: something is wrong that was left for a person.
        """
        if self.verdict.severity == "critical":
            raise NeedsAPerson(
                f"Supervising stream {STREAM}, critical ({self.verdict.health}): {self.verdict.text}."
                f" {self.done} See docs/runbooks/supervise_streams.md."
            )
