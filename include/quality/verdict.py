"""What became of an hour of a table. Nothing heavy here."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """One expectation of one hour. `error`: it could not be judged."""

    kind: str
    words: str
    severity: str
    why: str
    success: bool
    looked_at: int
    unexpected: int
    samples: tuple[str, ...] = ()
    error: str = ""

    def as_text(self) -> str:
        if self.error:
            return f"{self.words}: it could not be judged ({self.error[:300]})"
        samples = f" ({'; '.join(self.samples)})" if self.samples else ""
        return f"{self.words}: {self.unexpected} of {self.looked_at} are not{samples}"

    def as_json(self) -> dict[str, Any]:
        return {**self._asdict(), "samples": list(self.samples)}


class Verdict(NamedTuple):
    """An hour of a table against its suite. `fault`: why nothing could be judged."""

    table: str
    suite: str
    hour: datetime
    outcomes: tuple[Outcome, ...]
    fault: str = ""

    @property
    def failures(self) -> list[Outcome]:
        return [one for one in self.outcomes if not one.success and one.severity == "fail"]

    @property
    def warnings(self) -> list[Outcome]:
        return [one for one in self.outcomes if not one.success and one.severity != "fail"]

    @property
    def success(self) -> bool:
        """Nothing that was looked at is no success."""
        return bool(self.outcomes) and not self.fault and not self.failures

    @property
    def severity(self) -> str | None:
        if not self.success:
            return "fail"
        return "warn" if self.warnings else None

    def as_text(self) -> str:
        found = [*filter(None, [self.fault]), *(one.as_text() for one in self.failures or self.warnings)]
        return (
            f"{self.table}, hour {self.hour:%Y-%m-%dT%H:%MZ}, by include/expectations/{self.suite}.json:"
            f" {'; '.join(found) or 'nothing was judged' if self.severity else 'as it should be'}"
        )


def refusal(verdicts: Iterable[Verdict], hour: datetime, *, keeps: int | None) -> str:
    """Why an hour is not published, as a message; `keeps` is the version that the marts hold."""
    found = ". ".join(one.as_text() for one in verdicts if not one.success) or "no verdict was given"
    kept = f"version {keeps}" if keeps else "nothing"
    return (
        f"Publishing hour {hour:%Y-%m-%dT%H:%MZ}: {found}. The hour is not published: the marts"
        f" keep {kept} of it. See docs/runbooks/publish_marts.md, 'A quality gate failed'."
    )
