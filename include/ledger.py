"""
The books over all time, from ops.ledger: does every record that was read have its place?

`records_unaccounted` counts what the ledger cannot account for: records read that are in none of silver,
duplicate and quarantined (or in more than one), and offsets between two batches of a partition that no batch
read, or two did. It is 0, or something is wrong.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg

SQL = Path(__file__).with_name("sql")
DISPOSITIONS = ("silver", "duplicate", "quarantined")


class LedgerLine(Protocol):
    """One row of ops.ledger: a partition of a batch."""

    @property
    def batch_id(self) -> int: ...
    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def start_offset(self) -> int: ...
    @property
    def end_offset(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Sums:
    """Rows and cents of some lines. Cents of quarantined records are claims, negative or absurd ones too."""

    read_rows: int = 0
    read_cents: int = 0
    silver_rows: int = 0
    silver_cents: int = 0
    duplicate_rows: int = 0
    duplicate_cents: int = 0
    quarantined_rows: int = 0
    quarantined_cents: int = 0

    @property
    def balances(self) -> bool:
        return self.unplaced_rows == 0 and self.unplaced_cents == 0

    @property
    def unplaced_rows(self) -> int:
        return self.read_rows - self.silver_rows - self.duplicate_rows - self.quarantined_rows

    @property
    def unplaced_cents(self) -> int:
        return self.read_cents - self.silver_cents - self.duplicate_cents - self.quarantined_cents

    def plus(self, line: LedgerLine) -> "Sums":
        return Sums(**{name: value + getattr(line, name) for name, value in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger up to and with batch `batch_id`. `ends` is where the next batch must begin."""

    batch_id: int = -1
    closed_at: datetime | None = None
    last_batch: Sums = Sums()
    totals: Sums = Sums()
    holes: int = 0
    records_unaccounted: int = 0
    ends: Mapping[tuple[str, int], int] = field(default_factory=dict)

    def plus(self, lines: Iterable[LedgerLine], closed_at: datetime) -> "Books":
        """With one more batch. A batch that is in already changes nothing."""
        rows = [line for line in lines if line.batch_id > self.batch_id]
        if not rows:
            return self
        last, totals = Sums(), self.totals
        holes, unaccounted, ends = self.holes, self.records_unaccounted, dict(self.ends)
        for row in rows:
            last, totals = last.plus(row), totals.plus(row)
            skipped = abs(row.start_offset - ends.get((row.topic, row.partition), row.start_offset))
            holes += skipped > 0
            unaccounted += skipped + abs(Sums().plus(row).unplaced_rows)
            ends[row.topic, row.partition] = row.end_offset
        return Books(rows[0].batch_id, closed_at, last, totals, holes, unaccounted, ends)

    @property
    def balances(self) -> bool:
        return self.last_batch.balances and self.totals.balances and not self.records_unaccounted

    def as_json(self) -> dict[str, Any]:
        """What `saleslake status --json` prints as `ledger`."""
        return {
            "balances": self.balances,
            "holes": self.holes,
            "records_unaccounted": self.records_unaccounted,
            "last_batch": {
                "batch_id": self.batch_id,
                "closed_at": self.closed_at.isoformat() if self.closed_at else None,
                **asdict(self.last_batch),
            },
            "totals": asdict(self.totals),
        }


def read_books(connection: psycopg.Connection) -> Books:
    """The whole ledger, added up by PostgreSQL at one moment."""
    lines = connection.execute((SQL / "books.sql").read_bytes()).fetchall()
    if not lines:
        return Books()
    ends = {(topic, partition): end for topic, partition, end, *_ in lines}
    batch_id, closed_at = lines[0][3:5]
    sums = [[int(value) for value in line[5:]] for line in lines]
    holes, unaccounted, *columns = map(sum, zip(*sums, strict=True))
    return Books(batch_id, closed_at, Sums(*columns[8:]), Sums(*columns[:8]), holes, unaccounted, ends)
