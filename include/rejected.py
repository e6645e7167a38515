"""What is in silver.rejected: counted by reason and by hour, with samples that are safe to look at."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake.exceptions import TableNotFoundError

from include.errors import LakehouseError
from include.redrive.marks import Mark
from include.redrive.position import Position
from lake.contract import DUPLICATE
from lake.reading import delta_table, record_batches
from lake.tables import SILVER_REJECTED

COLUMNS = ["disposition", "reasons", "kafka_timestamp", "topic", "partition", "offset", "order_id",
           "amount_cents", "value"]  # fmt: skip
# pyarrow's expressions have no types; None is met by every row.
Condition = Any
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
    redriven: dict[str, str | None] | None = None  # state, run_id, fix and where the copy lies


@dataclass(slots=True)
class Answer:
    """
    `by_reason` counts a record under each of its reasons, `duplicate` for repeats. `redriven` counts what
    became of those of the records that were sent again.
    """

    records: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    by_hour: Counter[tuple[str, str]] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    redriven: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        hours: dict[str, dict[str, int]] = {}
        for (hour, reason), count in sorted(self.by_hour.items()):
            hours.setdefault(hour, {})[reason] = count
        return {
            "records": self.records,
            "by_reason": dict(self.by_reason.most_common()),
            "by_hour": hours,
            "redriven": dict(self.redriven),
            "samples": [asdict(sample) for sample in self.samples],
        }


def read_rejected(root: Path, question: Question, marks: Mapping[Position, Mark] | None = None) -> Answer:
    """
    Args:
        marks: what was sent again, by position; see `include.redrive.marks.read_marks`.

    Raises:
        LakehouseError: there is no table yet.
    """
    answer, known = Answer(), marks or {}
    came_back = _rejected_again(root, known)
    for row in _rows(root, question):
        reasons = row["reasons"] or [DUPLICATE]
        if question.reasons and question.reasons.isdisjoint(reasons):
            continue
        hour = f"{row['kafka_timestamp'].astimezone(UTC):%Y-%m-%dT%H:00Z}"
        answer.records += 1
        answer.by_reason.update(reasons)
        answer.by_hour.update((hour, reason) for reason in reasons)
        mark = known.get(_position(row))
        if mark is not None:
            answer.redriven.update(_fates(mark, came_back))
        if len(answer.samples) < question.samples:
            answer.samples.append(_sample(row, reasons, mark, shows_emails=question.shows_emails))
    return answer


def _position(row: Mapping[str, Any]) -> Position:
    return Position(row["topic"], row["partition"], row["offset"])


def _fates(mark: Mark, came_back: Mapping[Position, str]) -> Iterator[str]:
    """How far the send got and, of a copy, where it is."""
    yield mark.state
    if mark.copy is None:
        return
    disposition = came_back.get(mark.copy)
    if disposition is not None:
        yield "repeats" if disposition == DUPLICATE else "rejected again"
    else:
        yield "in silver" if mark.is_read else "waiting"


def _rejected_again(root: Path, marks: Mapping[Position, Mark]) -> dict[Position, str]:
    """The disposition of copies that did not enter silver, by position."""
    copies = {mark.copy for mark in marks.values() if mark.copy is not None}
    if not copies:
        return {}
    rows = _rows(root, Question(), ["disposition", "topic", "partition", "offset"])
    return {at: row["disposition"] for row in rows if (at := _position(row)) in copies}


def _rows(root: Path, question: Question, columns: list[str] = COLUMNS) -> Iterator[dict[str, Any]]:
    try:
        batches = rejected_batches(
            root,
            columns,
            ds.field("disposition") == question.disposition if question.disposition else None,
            *arrived(question.since, question.until),
        )
    except TableNotFoundError as error:
        raise LakehouseError(
            f"Reading silver.rejected under {root}: there is no such table yet. Nothing was rejected, or the"
            " lake writer has not closed its first batch: `saleslake status`."
        ) from error
    for batch in batches:
        yield from batch.to_pylist()


def arrived(since: datetime | None, until: datetime | None) -> tuple[Condition, Condition]:
    """From `since` on, and before `until`; None: whenever."""
    at = ds.field("kafka_timestamp")
    return (at >= since if since else None, at < until if until else None)


def rejected_batches(root: Path, columns: list[str], *wanted: Condition) -> Iterator[pa.RecordBatch]:
    """
    Rows of silver.rejected that meet all conditions.

    Raises:
        TableNotFoundError: there is no table yet.
    """
    dataset = delta_table(SILVER_REJECTED, root).to_pyarrow_dataset()
    conditions = [condition for condition in wanted if condition is not None]
    return record_batches(dataset, columns, reduce(and_, conditions) if conditions else None)


def _sample(row: dict[str, Any], reasons: list[str], mark: Mark | None, *, shows_emails: bool) -> Sample:
    return Sample(
        position=str(_position(row)),
        arrived_at=row["kafka_timestamp"].astimezone(UTC).isoformat(),
        reasons=reasons,
        order_id=None if row["order_id"] is None else harmless(row["order_id"]),
        amount_cents=row["amount_cents"],
        excerpt=excerpt(row["value"], shows_emails=shows_emails),
        redriven=mark and mark.as_json(),
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
    width = max(map(len, [*answer.by_reason, *answer.redriven]))
    lines = [f"{answer.records:,} rejected records", "", "by reason"]
    lines += [f"  {reason:<{width}}  {count:>9,}" for reason, count in answer.by_reason.most_common()]
    if answer.redriven:
        lines += ["", "sent again by replay_rejected"]
        lines += [f"  {fate:<{width}}  {count:>9,}" for fate, count in answer.redriven.items()]
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
        if sample.redriven:
            lines.append("  " + _as_words(sample.redriven))
    return "\n".join(lines)


def _as_words(redriven: Mapping[str, str | None]) -> str:
    where = f" as {redriven['copy']}" if redriven["copy"] else ""
    return f"{redriven['state']} again{where} by run {redriven['run_id']}, fix {redriven['fix']}"
