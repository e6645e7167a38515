"""What a publish did, for the log, the Airflow UI and the caller."""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from include.errors import GateFailed, PublishError

# A summary must stay small: XCom keeps it in the metadata database.
MAX_ROWS = 100
# Outcomes after which readers see other numbers than before.
CHANGES = frozenset({"published", "restated"})
TITLES = ("hour (UTC)", "outcome", "version", "completeness", "orders", "revenue", "remark")


class HourResult(NamedTuple):
    """`outcome`: published, restated, unchanged, checked (dry run), open, superseded, failed or gave up."""

    hour: datetime
    outcome: str
    orders: int
    revenue_cents: int
    completeness: Decimal
    version: int | None = None
    detail: str = ""

    def as_text(self) -> str:
        version = f"version {self.version}" if self.version else "no new version"
        return (
            f"{self.hour:%Y-%m-%dT%H:%MZ} {self.outcome}, {version}, completeness"
            f" {self.completeness}, {self.orders} orders, {self.revenue_cents} cents. {self.detail}"
        ).strip()

    def as_json(self) -> dict[str, Any]:
        hour = f"{self.hour:%Y-%m-%dT%H:%MZ}"
        return {**self._asdict(), "hour": hour, "completeness": str(self.completeness)}


class Summary(NamedTuple):
    batch_id: int
    as_of: datetime
    results: list[HourResult]
    is_dry_run: bool = False

    def raise_for_failures(self) -> None:
        """
        Raises:
            PublishError: an hour met a lock or a timeout; it is worth trying again.
            GateFailed: hours failed their gate; trying again does not help.
        """
        gave_up, failed = self._with("gave up"), self._with("failed")
        if gave_up or failed:
            first = (gave_up or failed)[0]
            hours = ", ".join(f"{result.hour:%Y-%m-%dT%H:%MZ}" for result in gave_up + failed)
            raise (PublishError if gave_up else GateFailed)(
                f"Publishing {number_of_hours(len(self.results))}: {len(gave_up + failed)} failed ({hours})."
                f" The other hours are published. First: {first.detail}"
            )

    def _with(self, outcome: str) -> list[HourResult]:
        return [result for result in self.results if result.outcome == outcome]

    def headline(self) -> str:
        """What became of how many hours, in one sentence."""
        counts = sorted(Counter(result.outcome for result in self.results).items())
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counts) or "nothing to do"
        dry = "dry run, nothing was published: " if self.is_dry_run else ""
        as_of = f"as of {self.as_of:%Y-%m-%d %H:%M:%S}Z, up to batch {self.batch_id}"
        return f"{dry}{number_of_hours(len(self.results))}: {outcomes} ({as_of})."

    def as_text(self) -> str:
        """A row per hour, aligned for a log, and the headline last, where a log is read first."""
        rows = [TITLES, *(_cells(result) for result in self.results[:MAX_ROWS])] if self.results else []
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        left_off = len(self.results) - MAX_ROWS
        more = [f"… and {number_of_hours(left_off)} more"] if left_off > 0 else []
        return "\n".join([*lines, *more, self.headline()])

    def as_xcom(self) -> dict[str, Any]:
        """The headline, counts per outcome and the first hours, all JSON."""
        return {
            "summary": self.headline(),
            "dry_run": self.is_dry_run,
            "batch_id": self.batch_id,
            "as_of": self.as_of.isoformat(),
            "hours_changed": sum(result.outcome in CHANGES for result in self.results),
            "outcomes": dict(Counter(result.outcome for result in self.results)),
            "hours": [result.as_json() for result in self.results[:MAX_ROWS]],
        }


def number_of_hours(count: int) -> str:
    return f"{count} hour{'' if count == 1 else 's'}"


def _cells(result: HourResult) -> tuple[str, ...]:
    return (
        f"{result.hour:%Y-%m-%dT%H:%MZ}",
        result.outcome,
        str(result.version or "–"),
        str(result.completeness),
        f"{result.orders:,}",
        f"{result.revenue_cents // 100:,}.{result.revenue_cents % 100:02d}",
        " ".join(result.detail.split()),
    )
