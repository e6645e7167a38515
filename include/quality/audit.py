"""The verdicts that a publish needs: silver, gold and the staged marts of the hours of a day."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from great_expectations.core import ExpectationSuiteValidationResult

from include.errors import QualityFailed
from include.publish.content import Content
from include.publish.hour import Release
from include.publish.marts import Mart
from include.publish.snapshot import Snapshot
from include.publish.staging import LakeView
from include.quality.due import usual_orders
from include.quality.frames import Batch, Due, batch_of
from include.quality.gate import judge, unjudged
from include.quality.lake_rows import rows_of_hours
from include.quality.record import record
from include.quality.staged_marts import rows_of, stage_marts
from include.quality.tables import FCT_ORDERS, MARTS, PUBLISHED_FROM, SILVER_ORDERS, Checked
from include.quality.verdict import Verdict, refusal

# An hour has a verdict on each of these, or it has failed.
EXPECTED = frozenset(table.full_name for table in (*PUBLISHED_FROM, *MARTS))


class Page(NamedTuple):
    """What Great Expectations found in some hours of a table, for the pages."""

    hours: Sequence[datetime]
    result: ExpectationSuiteValidationResult


class Audit:
    """Looks at a day's hours before any of them is published; keeps what it found."""

    def __init__(self, snapshot: Snapshot, run_id: str) -> None:
        self.snapshot = snapshot
        self.run_id = run_id
        self.verdicts: dict[datetime, list[Verdict]] = {}
        self.pages: list[Page] = []
        self._contents: dict[datetime, dict[Mart, Content]] = {}

    def look_at(self, connection: psycopg.Connection, lake: LakeView, releases: Sequence[Release]) -> None:
        """
        Judge silver, gold and the marts to be. The day is staged already.

        Raises:
            OSError, pyarrow.ArrowException: a file of the lake is missing or damaged.
            psycopg.Error: the database does not answer.
        """
        if not releases:
            return
        hours = [release.hour for release in releases]
        self.verdicts |= {hour: [] for hour in hours}
        rows = {
            table: rows_of_hours(lake.dataset_of(table.full_name), table, hours, lake.batch_id)
            for table in PUBLISHED_FROM
        }
        charges = charges_of(rows[SILVER_ORDERS])
        due = partial(self._due, charges=charges)
        for table, found in rows.items():
            self._keep(batch_of(table, found, {hour: due(table, hour) for hour in hours}))
        marts = stage_marts(connection, releases)
        self._contents |= marts.contents
        for table in MARTS:
            if marts.contents:
                found = rows_of(connection, table)
                self._keep(batch_of(table, found, {hour: due(table, hour) for hour in marts.contents}))
            for hour, error in marts.errors.items():
                self.verdicts[hour] += unjudged(table.full_name, table.suite, [hour], error)

    def refuse(self, hour: datetime) -> None:
        """
        Raises:
            QualityFailed: a table of the hour is not as it should be, or was not looked at.
        """
        verdicts = self.verdicts.get(hour, [])
        if {one.table for one in verdicts} != EXPECTED or not all(one.success for one in verdicts):
            raise QualityFailed(refusal(verdicts, hour, keeps=self._version(hour)))

    def content(self, hour: datetime) -> dict[Mart, Content]:
        """What the marts hold for the hour, as it was audited."""
        return self._contents[hour]

    def warnings(self, hour: datetime) -> str:
        return "; ".join(one.as_text() for one in self.verdicts.get(hour, ()) if one.warnings)

    def record(self, connection: psycopg.Connection, hour: datetime) -> None:
        record(connection, self.run_id, self.verdicts.get(hour, ()))

    def _version(self, hour: datetime) -> int | None:
        published = self.snapshot.published.get(hour)
        return published.version if published else None

    def _keep(self, batch: Batch) -> None:
        judged = judge(batch)
        for verdict in judged.verdicts:
            self.verdicts[verdict.hour].append(verdict)
        if judged.result is not None:
            self.pages.append(Page(list(batch.due), judged.result))

    def _due(self, table: Checked, hour: datetime, *, charges: dict[datetime, int]) -> Due:
        return due_of(table, hour, self.snapshot, charges.get(hour, 0))


def due_of(table: Checked, hour: datetime, snapshot: Snapshot, charges: int) -> Due:
    """What a table of silver, gold or the marts must hold; `charges` are shipping and tax of the hour."""
    ledger = snapshot.ledger.get(hour)
    orders, cents = (ledger.orders, ledger.revenue_cents) if ledger else (0, 0)
    fewest, most = usual_orders(snapshot.ledger, hour)
    return Due(
        rows=orders if table in (SILVER_ORDERS, FCT_ORDERS) else None,
        orders=orders if table.orders else None,
        # Products and lines come without shipping and tax.
        cents=cents if table.orders else cents - charges,
        fewest_usual_orders=fewest,
        most_usual_orders=most,
        minutes_behind=minutes_behind(snapshot),
    )


def minutes_behind(snapshot: Snapshot) -> float:
    """How far behind the clock the stream has read."""
    return (datetime.now(UTC) - snapshot.as_of).total_seconds() / 60


def charges_of(orders: pa.Table) -> dict[datetime, int]:
    """Shipping and tax of each hour's orders."""
    charged = pc.add(orders["shipping_cents"], orders["tax_cents"])
    sums = (
        pa.table({"hour": orders["hour_utc"], "cents": charged})
        .group_by("hour")
        .aggregate([("cents", "sum")])
    )
    return {row["hour"].astimezone(UTC): row["cents_sum"] for row in sums.to_pylist()}
