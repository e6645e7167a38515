"""What a rebuild of hours and the stream have, hour by hour, and how a person is told."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

MOST_ROWS = 40
MOST_SAMPLES = 10
TITLES = ("hour (UTC)", "table", "rows", "cents", "only in the stream", "only in the rebuild")


class OfTable(NamedTuple):
    """An hour of a table: the stream's value, then the rebuild's. `only` counts rows that the other lacks."""

    rows: tuple[int, int]
    cents: tuple[int, int]
    content: tuple[str, str]
    only: tuple[int, int] = (0, 0)

    @property
    def differs(self) -> bool:
        return self.content[0] != self.content[1]


class Difference(NamedTuple):
    """An hour in which a table differs, with every table's state, by full name."""

    hour: datetime
    tables: Mapping[str, OfTable]

    def as_json(self) -> dict[str, Any]:
        return {
            "hour": self.hour.isoformat(),
            "tables": {name: t._asdict() for name, t in self.tables.items()},
        }

    @classmethod
    def parse(cls, said: Mapping[str, Any]) -> "Difference":
        tables = {
            name: OfTable(**{key: tuple(pair) for key, pair in of_table.items()})
            for name, of_table in said["tables"].items()
        }
        return cls(datetime.fromisoformat(said["hour"]), tables)


class Sample(NamedTuple):
    """A row that only one side has: `side` is "stream" or "rebuild"."""

    table: str
    side: str
    row: Mapping[str, Any]


class Comparison(NamedTuple):
    """
    What was compared. `hours`, `orders` and `revenue_cents` are the rebuild's.

    Args:
        against_ledger: where the rebuild says other sums than ops.hour_ledger.
    """

    hours: int
    orders: int
    revenue_cents: int
    differences: list[Difference]
    samples: list[Sample]
    against_ledger: list[str]

    @property
    def state(self) -> str:
        if self.against_ledger:
            return "contradicts"
        return "different" if self.differences else "equal"

    def as_json(self) -> dict[str, Any]:
        return {
            **self._asdict(),
            "differences": [one.as_json() for one in self.differences],
            "samples": [sample._asdict() for sample in self.samples],
        }

    @classmethod
    def parse(cls, said: Mapping[str, Any]) -> "Comparison":
        return cls(
            said["hours"],
            said["orders"],
            said["revenue_cents"],
            [Difference.parse(one) for one in said["differences"]],
            [Sample(**one) for one in said["samples"]],
            list(said["against_ledger"]),
        )

    def headline(self) -> str:
        rebuilt = (
            f"{self.hours} hours rebuilt from bronze, {self.orders:,} orders, {self.revenue_cents:,} cents"
        )
        if self.against_ledger:
            return f"{rebuilt}: they contradict the ledger: {'; '.join(self.against_ledger)}"
        if not self.differences:
            return f"{rebuilt}: equal to the stream, row by row"
        return f"{rebuilt}: {len(self.differences)} differ from the stream"

    def as_markdown(self) -> str:
        """The headline, a row per hour and table that differs, and samples."""
        return "\n".join([self.headline() + ".", *self._table(), *self._samples()])

    def _table(self) -> Iterator[str]:
        rows = [
            (f"{one.hour:%Y-%m-%d %H:%M}", name, _pair(t.rows), _pair(t.cents), *map(str, t.only))
            for one in self.differences
            for name, t in one.tables.items()
            if t.differs
        ]
        if rows:
            yield from ("", _line(TITLES), _line(("---",) * len(TITLES)))
            yield from map(_line, rows[:MOST_ROWS])
        if len(rows) > MOST_ROWS:
            yield f"\nand {len(rows) - MOST_ROWS} more."

    def _samples(self) -> Iterator[str]:
        if self.samples:
            yield "\nRows that only one side has:\n"
        for sample in self.samples[:MOST_SAMPLES]:
            values = ", ".join(f"{name} {value}" for name, value in sample.row.items())
            yield f"- {sample.table}, {sample.side}: `{values}`"


def _pair(values: tuple[int, int]) -> str:
    """Stream → rebuild."""
    held, rebuilt = values
    return f"{held:,}" if held == rebuilt else f"{held:,} → {rebuilt:,} ({rebuilt - held:+,})"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
