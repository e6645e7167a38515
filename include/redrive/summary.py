"""What a re-drive did, or would do, for the log and the Airflow UI."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from include.redrive.marks import Outcome
from include.redrive.request import Request
from include.redrive.selection import Chosen
from include.rejected import excerpt, harmless

MAX_SAMPLES = 5


@dataclass(slots=True)
class Summary:
    """`chosen` counts what was or would be sent; a record counts under each of its reasons."""

    request: Request
    settled: list[Outcome] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    chosen: int = 0
    claimed_cents: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    samples: list[Chosen] = field(default_factory=list)

    def choose(self, record: Chosen) -> None:
        self.chosen += 1
        self.claimed_cents += record.rejected.amount_cents or 0
        self.by_reason.update(record.rejected.reasons)
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append(record)

    @property
    def sent(self) -> int:
        return _count(self.outcomes, "sent")

    @property
    def refused(self) -> int:
        return _count(self.outcomes, "refused")

    def headline(self) -> str:
        claimed = f"they claim {self.claimed_cents:,} cents"
        if self.request.dry_run:
            return f"**Dry run, nothing was sent.** {self.chosen:,} records would be sent again; {claimed}."
        refused = f" The broker refused {self.refused:,}." if self.refused else ""
        found = _count(self.settled, "sent")
        settled = (
            f" Of {len(self.settled):,} that an earlier run left open, {found:,} were in the topic."
            if self.settled
            else ""
        )
        return f"**{self.sent:,} records were sent again**; {claimed}.{refused}{settled}"

    def as_markdown(self) -> str:
        fix = f"Fix: `{self.request.fix}`."
        reasons = _table("reason", self.by_reason.most_common())
        left_out = _table("left out because", self.left_out.most_common())
        samples = [_sample(record, self.request.fix) for record in self.samples]
        return "\n\n".join([self.headline(), fix, *reasons, *left_out, *samples])

    def as_xcom(self) -> dict[str, Any]:
        return {
            "summary": self.as_markdown(),
            "dry_run": self.request.dry_run,
            "chosen": self.chosen,
            "claimed_cents": self.claimed_cents,
            "sent": self.sent,
            "refused": self.refused,
            "settled": dict(Counter(outcome.state for outcome in self.settled)),
            "by_reason": dict(self.by_reason),
            "left_out": dict(self.left_out),
        }


def _count(outcomes: Iterable[Outcome], state: str) -> int:
    return sum(outcome.state == state for outcome in outcomes)


def _table(title: str, counts: list[tuple[str, int]]) -> list[str]:
    rows = [f"| {name} | {count:,} |" for name, count in counts]
    return ["\n".join([f"| {title} | records |", "|---|---|", *rows])] if rows else []


def _sample(record: Chosen, fix: str) -> str:
    """Position, reasons and the beginning of what is sent, e-mails masked."""
    rejected = record.rejected
    # A back quote would end the code it stands in, and what follows be taken for Markdown.
    shown = excerpt(record.value).replace("`", r"\x60")
    order = harmless(rejected.order_id or "?").replace("`", r"\x60")
    return f"{rejected.position}, {', '.join(rejected.reasons)}, order `{order}`:\n`{shown}`"
