"""Delta tables that know, in their own log, up to which offset of each partition they hold the topic."""

import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake

WRITER = WriterProperties(compression="ZSTD", compression_level=1)


class Table:
    """
    One table. Its commit carries the position it brings the table to, one transaction id for each partition.

    A record below the position is in the table already: a replay after a kill appends it no second time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._table = DeltaTable(str(path)) if DeltaTable.is_deltatable(str(path)) else None

    def position(self, partition: int) -> int:
        found = self._table.transaction_version(f"partition-{partition}") if self._table else None
        return found or 0

    def append(self, rows: pa.Table, ends: dict[int, int]) -> None:
        """The rows that the table does not have yet, and the position `ends`. Twice appends once."""
        before = {partition: self.position(partition) for partition in ends}
        if any(before.values()):
            rows = _from(rows, before)
        reached = {partition: end for partition, end in ends.items() if end > before[partition]}
        if not rows.num_rows or not reached:
            return
        now = int(time.time() * 1_000)
        transactions = [Transaction(f"partition-{p}", end, now) for p, end in reached.items()]
        write_deltalake(
            self._table or str(self._path),
            rows,
            mode="append",
            writer_properties=WRITER,
            commit_properties=CommitProperties(app_transactions=transactions),
        )
        self._table = self._table or DeltaTable(str(self._path))

    def rows(self, *columns: str) -> pl.LazyFrame | None:
        return pl.scan_delta(str(self._path)).select(columns) if self._table else None


def _from(rows: pa.Table, before: dict[int, int]) -> pa.Table:
    """The rows at or after the position; all of them, unless this is a replay."""
    behind = [
        pc.and_(pc.equal(rows["partition"], partition), pc.less(rows["offset"], position))
        for partition, position in before.items()
    ]
    is_known = behind[0]
    for other in behind[1:]:
        is_known = pc.or_(is_known, other)
    return rows.filter(pc.invert(is_known)) if pc.any(is_known).as_py() else rows
