"""
Exactly once: every record is in bronze, and each ends in silver or in rejected.

Bronze and rejected are written before silver, the answers after it; each knows its own position. Silver's is
where a start goes on: what is read again, bronze and rejected know already, and what silver has and the
answers lack is added from silver.
"""

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pyarrow as pa
from answers import Answers
from columns import (
    Records,
    bronze_table,
    email_column,
    rejected_table,
    silver_table,
)
from contract import MINUTE, Judged, judge_plain
from delta_tables import Table
from judging import judge

LATE_AFTER = 60 * MINUTE


class Full:
    def __init__(self, folder: Path, answers: Answers) -> None:
        self._bronze, self._silver = Table(folder / "bronze"), Table(folder / "silver")
        self._rejected, self._answers = Table(folder / "rejected"), answers
        self._email_key = _kept_key(folder / "email_hmac_key")
        self._beside = ThreadPoolExecutor(1)
        self._said = self._orders_so_far()
        self._add_what_answers_lack()

    def position(self, partition: int) -> int:
        return self._silver.position(partition)

    def write(self, records: Records) -> None:
        bronze = self._beside.submit(lambda: self._bronze.append(bronze_table(records), records.ends))
        accepted, rejected = self._sorted(records)
        if rejected:
            self._rejected.append(rejected_table(records, rejected), records.ends)
        silver = self._silver_table(records, accepted)
        bronze.result()
        self._silver.append(silver, records.ends)
        self._answers.add(pl.from_arrow(silver), records.ends)

    def _sorted(self, records: Records) -> tuple[dict[int, Judged], list[tuple[int, str, list[str]]]]:
        """By row: the orders to keep, and what becomes of the other records and why."""
        accepted, rejected = {}, []
        for row, (value, arrived_at) in enumerate(zip(records.values, records.arrived_at, strict=True)):
            judged = (judge_plain(value, arrived_at) if value else None) or judge(value, arrived_at)
            if isinstance(judged, set):
                rejected.append((row, "quarantined", sorted(judged)))
                continue
            first = self._said.setdefault(judged.order.order_id, judged.content)
            if first is judged.content:
                accepted[row] = judged
            elif first == judged.content:
                rejected.append((row, "duplicate", []))
            else:
                rejected.append((row, "quarantined", ["order_conflict"]))
        return accepted, rejected

    def _silver_table(self, records: Records, accepted: dict[int, Judged]) -> pa.Table:
        orders = [judged.order for judged in accepted.values()]
        ordered_at = [judged.ordered_at for judged in accepted.values()]
        late = [records.arrived_at[row] - judged.ordered_at > LATE_AFTER for row, judged in accepted.items()]
        return silver_table(
            records,
            list(accepted),
            orders,
            ordered_at,
            customer_email_hmac=email_column(orders, self._email_key),
            rescued=pa.array([judged.rescued for judged in accepted.values()], pa.string()),
            is_late=pa.array(late, pa.bool_()),
            content=pa.array([judged.content for judged in accepted.values()], pa.binary()),
        )

    def _orders_so_far(self) -> dict[str, bytes]:
        """By order_id, what its first record said."""
        rows = self._silver.rows("order_id", "content")
        return dict(rows.collect().iter_rows()) if rows is not None else {}

    def _add_what_answers_lack(self) -> None:
        rows = self._silver.rows("partition", "offset", "ordered_at", "region", "total_cents", "lines")
        if rows is None:
            return
        partitions = rows.select(pl.col("partition").unique()).collect()["partition"].to_list()
        ends = {p: max(self.position(p), self._answers.position(p)) for p in partitions}
        lacking = [
            (pl.col("partition") == p) & (pl.col("offset") >= self._answers.position(p)) for p in partitions
        ]
        frame = rows.filter(pl.any_horizontal(lacking)).collect()
        if frame.height:
            self._answers.add(frame, ends)
            self._answers.wait()


def _kept_key(file: Path) -> bytes:
    """The key of the e-mail HMAC, made once."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(secrets.token_bytes(32))
    return file.read_bytes()
