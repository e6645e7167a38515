"""What is in silver.rejected: counted by reason and by hour, with samples that are safe to look at."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
from deltalake.exceptions import TableNotFoundError

from include.errors import LakehouseError
from lake.contract import DUPLICATE
from lake.reading import delta_table, record_batches
from lake.tables import SILVER_REJECTED

COLUMNS = ["disposition", "reasons", "kafka_timestamp", "topic", "partition", "offset", "order_id",
           "amount_cents", "value"]  # fmt: skip
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
EXCERPT_LENGTH, EMAIL_MAX_LENGTH = 160, 320


@dataclass(frozen=True, slots=True)
class Question:
    """Which rejected records. Empty means all; `since` and `until` are times of arrival, `until` excluded."""

    reasons: frozenset[str] = frozenset()
    disposition: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    samples: int = 0
    shows_emails: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    position: str  # topic:partition:offset
    arrived_at: str
    reasons: list[str]
    order_id: str | None
    amount_cents: int | None
    excerpt: str


@dataclass(slots=True)
class Answer:
    """`by_reason` counts a record under each of its reasons, `duplicate` for repeats."""

    records: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    by_hour: Counter[tuple[str, str]] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        hours: dict[str, dict[str, int]] = {}
        for (hour, reason), count in sorted(self.by_hour.items()):
            hours.setdefault(hour, {})[reason] = count
        return {
            "records": self.records,
            "by_reason": dict(self.by_reason.most_common()),
            "by_hour": hours,
            "samples": [asdict(sample) for sample in self.samples],
        }


def read_rejected(root: Path, question: Question) -> Answer:
    """
    Raises:
        LakehouseError: there is no table yet.
    """
    answer = Answer()
    for row in _rows(root, question):
        reasons = row["reasons"] or [DUPLICATE]
        if question.reasons and question.reasons.isdisjoint(reasons):
            continue
        hour = f"{row['kafka_timestamp'].astimezone(UTC):%Y-%m-%dT%H:00Z}"
        answer.records += 1
        answer.by_reason.update(reasons)
        answer.by_hour.update((hour, reason) for reason in reasons)
        if len(answer.samples) < question.samples:
            answer.samples.append(_sample(row, reasons, shows_emails=question.shows_emails))
    return answer


def _rows(root: Path, question: Question) -> Iterator[dict[str, Any]]:
    try:
        dataset = delta_table(SILVER_REJECTED, root).to_pyarrow_dataset()
    except TableNotFoundError as error:
        raise LakehouseError(
            f"Reading silver.rejected under {root}: there is no such table yet. Nothing was rejected, or the"
            " lake writer has not closed its first batch: `saleslake status`."
        ) from error
    wanted = [
        ds.field("disposition") == question.disposition if question.disposition else None,
        ds.field("kafka_timestamp") >= question.since if question.since else None,
        ds.field("kafka_timestamp") < question.until if question.until else None,
    ]
    conditions = [condition for condition in wanted if condition is not None]
    for batch in record_batches(dataset, COLUMNS, reduce(and_, conditions) if conditions else None):
        yield from batch.to_pylist()


def _sample(row: dict[str, Any], reasons: list[str], *, shows_emails: bool) -> Sample:
    return Sample(
        position=f"{row['topic']}:{row['partition']}:{row['offset']}",
        arrived_at=row["kafka_timestamp"].astimezone(UTC).isoformat(),
        reasons=reasons,
        order_id=None if row["order_id"] is None else harmless(row["order_id"]),
        amount_cents=row["amount_cents"],
        excerpt=excerpt(row["value"], shows_emails=shows_emails),
    )


def excerpt(value: bytes | None, *, shows_emails: bool = False) -> str:
    """The beginning of a value as text that no terminal acts upon."""
    if value is None:
        return "(null)"
    # Masked before it is cut: half an address is still one.
    text = value[: EXCERPT_LENGTH + EMAIL_MAX_LENGTH].decode("utf-8", "backslashreplace")
    masked = text if shows_emails else EMAIL.sub("***@***", text)
    more = f" … ({len(value):,} bytes)" if len(masked) > EXCERPT_LENGTH else ""
    return harmless(masked[:EXCERPT_LENGTH]) + more


def harmless(text: str) -> str:
    """Control characters, escape sequences and marks that turn the direction of writing are spelt out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def as_text(answer: Answer) -> str:
    if not answer.records:
        return "No rejected records."
    width = max(map(len, answer.by_reason))
    lines = [f"{answer.records:,} rejected records", "", "by reason"]
    lines += [f"  {reason:<{width}}  {count:>9,}" for reason, count in answer.by_reason.most_common()]
    lines += ["", "by hour of arrival (UTC)"]
    lines += [f"  {hour}  {reason:<{width}}  {n:>9,}" for (hour, reason), n in sorted(answer.by_hour.items())]
    for sample in answer.samples:
        amount = "" if sample.amount_cents is None else f", claims {sample.amount_cents:,} cents"
        lines += [
            "",
            f"{sample.position}  {sample.arrived_at}  {', '.join(sample.reasons)}",
            f"  order {sample.order_id or '?'}{amount}",
            f"  {sample.excerpt}",
        ]
    return "\n".join(lines)
