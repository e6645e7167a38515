"""Which quarantined records a run takes, and their bytes, keys and headers as bronze has them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from itertools import islice
from operator import and_
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake.exceptions import TableNotFoundError

from include.errors import RedriveError
from include.redrive.fixes import NO_FIX, fixed
from include.redrive.marks import Known
from include.redrive.position import HEADER, Position
from include.redrive.request import Request
from include.rejected import arrived, rejected_batches
from lake.contract import QUARANTINED
from lake.reading import delta_table, record_batches
from lake.tables import BRONZE_ORDERS

CHUNK = 500
REJECTED_COLUMNS = ["kafka_timestamp", "partition", "offset", "reasons", "order_id", "amount_cents"]
BRONZE_COLUMNS = ["partition", "offset", "value", "key", "headers"]

# Why a quarantined record of the right time is not taken.
DONE, UNFINISHED, OTHER_REASONS = "re-driven before", "re-drive of unknown end", "has other reasons, too"
IS_A_COPY, NO_CHANGE, NOT_LOOKED_AT = "itself a re-drive", "the fix changes nothing", "behind the limit"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A quarantined record as silver.rejected tells of it."""

    position: Position
    arrived_at: datetime
    reasons: tuple[str, ...]
    order_id: str | None
    amount_cents: int | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A record to be sent: `value` is what it will be, after the fix."""

    rejected: Rejected
    value: bytes | None
    key: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass(slots=True)
class Selection:
    """Iterate over it once: chunks of chosen records in order of arrival. `left_out` counts the rest."""

    root: Path
    topic: str
    request: Request
    known: Known
    left_out: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[list[Chosen]]:
        taken, candidates = 0, self._candidates()
        while taken < self.request.limit and (chunk := list(islice(candidates, CHUNK))):
            chosen = self._with_bytes(chunk)
            room = self.request.limit - taken
            self._leave_out(NOT_LOOKED_AT, len(chosen) - room)
            if chosen[:room]:
                yield chosen[:room]
            taken += len(chosen[:room])
        self._leave_out(NOT_LOOKED_AT, sum(1 for _ in candidates))

    def _leave_out(self, why: str, count: int = 1) -> None:
        if count > 0:
            self.left_out[why] += count

    def _candidates(self) -> Iterator[Rejected]:
        for row in read_quarantined(self.root, self.topic, self.request):
            if self.request.reasons.isdisjoint(row.reasons):
                continue
            why = self._why_not(row)
            if why:
                self._leave_out(why)
            else:
                yield row

    def _why_not(self, row: Rejected) -> str | None:
        if row.position in self.known.done:
            return DONE
        if row.position in self.known.unfinished:
            return UNFINISHED
        # What this run sent is not its own input, however often it is tried.
        if row.position in self.known.copies_of_this_run:
            return IS_A_COPY
        return None if self.request.reasons.issuperset(row.reasons) else OTHER_REASONS

    def _with_bytes(self, chunk: list[Rejected]) -> list[Chosen]:
        bronze = read_records(self.root, self.topic, chunk)
        chosen = []
        for row in chunk:
            record = bronze[row.position]
            headers = [(h["key"], h["value"] or b"") for h in record["headers"] or ()]
            value = fixed(self.request.fix, record["value"])
            if not self.request.again and any(name == HEADER for name, _ in headers):
                self._leave_out(IS_A_COPY)
            elif self.request.fix != NO_FIX and value == record["value"]:
                self._leave_out(NO_CHANGE)
            else:
                chosen.append(Chosen(row, value, record["key"], headers))
        return chosen


def read_quarantined(root: Path, topic: str, request: Request) -> Iterator[Rejected]:
    """Quarantined records of the request's time, in the order of arrival, without their bytes."""
    try:
        batches = rejected_batches(
            root,
            REJECTED_COLUMNS,
            ds.field("disposition") == QUARANTINED,
            ds.field("topic") == topic,
            *arrived(request.since, request.until),
        )
    except TableNotFoundError as error:
        raise RedriveError(
            f"Looking for quarantined records under {root}: there is no table silver.rejected yet. Nothing"
            " was sent. The lake writer makes it at its first start: `saleslake status`."
        ) from error
    pieces = list(batches)
    if not pieces:
        return
    order = [("kafka_timestamp", "ascending"), ("partition", "ascending"), ("offset", "ascending")]
    for piece in pa.Table.from_batches(pieces).sort_by(order).to_batches(max_chunksize=10_000):
        yield from (_rejected(topic, row) for row in piece.to_pylist())


def _rejected(topic: str, row: dict[str, Any]) -> Rejected:
    position = Position(topic, row["partition"], row["offset"])
    arrived_at = row["kafka_timestamp"].astimezone(UTC)
    return Rejected(position, arrived_at, tuple(row["reasons"]), row["order_id"], row["amount_cents"])


def read_records(root: Path, topic: str, wanted: Iterable[Rejected]) -> dict[Position, dict[str, Any]]:
    """
    Value, key and headers of the records, as they came from Kafka.

    Raises:
        RedriveError: bronze lacks one of them.
    """
    rows = list(wanted)
    where = reduce(
        and_,
        [
            ds.field("date_utc").isin(sorted({row.arrived_at.date() for row in rows})),
            ds.field("topic") == topic,
            ds.field("partition").isin(sorted({row.position.partition for row in rows})),
            ds.field("offset").isin(sorted({row.position.offset for row in rows})),
        ],
    )
    found = {}
    dataset = delta_table(BRONZE_ORDERS, root).to_pyarrow_dataset()
    for batch in record_batches(dataset, BRONZE_COLUMNS, where):
        for record in batch.to_pylist():
            found[Position(topic, record["partition"], record["offset"])] = record
    missing = [str(row.position) for row in rows if row.position not in found]
    if missing:
        raise RedriveError(
            f"Reading {len(rows)} quarantined records from bronze.orders: {len(missing)} are not there,"
            f" first {missing[0]}. These and what comes after them were not sent. `saleslake reconcile`"
            " says what the lake lacks."
        )
    return found
