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
        return (
            f"{self.hour:%Y-%m-%dT%H:%MZ} {self.outcome}, version {self.version}, completeness"
            f" {self.completeness}, {self.orders} orders, {self.revenue_cents} cents. {self.detail}"
        ).strip()


class Summary(NamedTuple):
    batch_id: int
    as_of: datetime
    results: list[HourResult]

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
                f"Publishing {len(self.results)} hours: {len(gave_up + failed)} failed ({hours})."
                f" The other hours are published. First: {first.detail}"
            )

    def _with(self, outcome: str) -> list[HourResult]:
        return [result for result in self.results if result.outcome == outcome]

    def as_markdown(self) -> str:
        """A headline, then one row per hour."""
        counts = Counter(result.outcome for result in self.results)
        headline = (
            ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "nothing to do"
        )
        lines = [
            f"**{headline}** (as of {self.as_of:%Y-%m-%d %H:%M:%S}Z, up to batch {self.batch_id})",
            "",
            "| hour (UTC) | outcome | version | completeness | orders | revenue | remark |",
            "|---|---|---|---|---|---|---|",
            *(_row(result) for result in self.results[:MAX_ROWS]),
        ]
        left_off = len(self.results) - MAX_ROWS
        return "\n".join([*lines, f"… and {left_off} more hours"] if left_off > 0 else lines)

    def as_xcom(self) -> dict[str, Any]:
        """Counts per outcome and the Markdown, all JSON."""
        return {
            "batch_id": self.batch_id,
            "hours_changed": sum(result.outcome in CHANGES for result in self.results),
            "as_of": self.as_of.isoformat(),
            "outcomes": dict(Counter(result.outcome for result in self.results)),
            "summary": self.as_markdown(),
        }


def _row(result: HourResult) -> str:
    revenue = f"{result.revenue_cents // 100:,}.{result.revenue_cents % 100:02d}"
    cells = (
        f"{result.hour:%Y-%m-%d %H:%M}",
        result.outcome,
        str(result.version or "–"),
        str(result.completeness),
        f"{result.orders:,}",
        revenue,
        result.detail.replace("|", "/"),
    )
    return f"| {' | '.join(cells)} |"
