"""Hours of the lake against its suites, without publishing anything."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from include.errors import QualityFailed
from include.publish.snapshot import HOUR, Snapshot, read_snapshot
from include.publish.staging import LakeView, open_lake
from include.quality.arrivals import arrivals
from include.quality.audit import Page, charges_of, due_of, minutes_behind
from include.quality.frames import Batch, batch_of
from include.quality.gate import judge
from include.quality.lake_rows import rows_of_batches, rows_of_hours
from include.quality.record import record
from include.quality.tables import BRONZE_ORDERS, PUBLISHED_FROM, SILVER_ORDERS, SILVER_REJECTED
from include.quality.verdict import Verdict
from lake import tables as lake_tables

TITLES = ("hour (UTC)", "table", "verdict", "expectations", "found")
# XCom keeps it in the metadata database.
MAX_ROWS = 100


class Report(NamedTuple):
    verdicts: list[Verdict]
    pages: list[Page]

    def raise_for_failures(self) -> None:
        """
        Raises:
            QualityFailed: a table of an hour is not as it should be.
        """
        bad = [one for one in self.verdicts if not one.success]
        if bad or not self.verdicts:
            said = ". ".join(one.as_text() for one in bad[:3]) or "nothing was looked at"
            raise QualityFailed(
                f"Checking {len(self.verdicts)} tables of hours: {len(bad)} are not as they should be."
                f" {said}."
                " Nothing was changed; publish_marts does not publish such an hour."
                " See docs/runbooks/check_quality.md, 'An expectation does not hold'."
            )

    def headline(self) -> str:
        counts = Counter(one.severity or "good" for one in self.verdicts)
        said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        hours = len({one.hour for one in self.verdicts})
        return f"{hours} hour{'' if hours == 1 else 's'}, {len(self.verdicts)} looks at tables: {said}."

    def as_markdown(self) -> str:
        """A row per hour and table, and the headline last, where a log is read first."""
        rows = [TITLES, ("---",) * len(TITLES), *map(_cells, self.verdicts[:MAX_ROWS])]
        return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", self.headline()])

    def as_xcom(self) -> dict[str, Any]:
        bad = [one.as_text() for one in self.verdicts if one.severity]
        return {"summary": self.as_markdown(), "headline": self.headline(), "not_as_expected": bad[:MAX_ROWS]}


def check(
    connection: psycopg.Connection, root: Path, hours: Sequence[datetime], run_id: str, grace_minutes: int
) -> Report:
    """
    Judge bronze, silver, rejected and gold of the hours, or of the last closed one, and record the verdicts.

    In bronze and rejected an hour is what arrived in it; in silver and gold what was ordered in it.

    Raises:
        GateFailed: the ledger (NothingToPublish) or the lake is not there at all.
    """
    snapshot = read_snapshot(connection)
    lake = open_lake(root, snapshot.batch_id, lake_tables.TABLES)
    wanted = sorted(set(hours)) or [last_closed_hour(snapshot.as_of, grace_minutes)]
    batches = [*_arrived(connection, snapshot, lake, wanted), *_ordered(snapshot, lake, wanted)]
    judged = [(batch, judge(batch)) for batch in batches]
    verdicts = [verdict for _, one in judged for verdict in one.verdicts]
    record(connection, run_id, verdicts)
    pages = [Page(list(batch.due), one.result) for batch, one in judged if one.result is not None]
    return Report(sorted(verdicts, key=lambda one: (one.hour, one.table)), pages)


def last_closed_hour(as_of: datetime, grace_minutes: int) -> datetime:
    read_past = as_of - timedelta(minutes=grace_minutes)
    return read_past.replace(minute=0, second=0, microsecond=0) - HOUR


def _arrived(
    connection: psycopg.Connection, snapshot: Snapshot, lake: LakeView, hours: list[datetime]
) -> list[Batch]:
    found = arrivals(connection, hours, lake.batch_id)
    bronze = rows_of_batches(lake.datasets[lake_tables.BRONZE_ORDERS], BRONZE_ORDERS, found.hour_of)
    rejected = rows_of_batches(lake.datasets[lake_tables.SILVER_REJECTED], SILVER_REJECTED, found.hour_of)
    behind = minutes_behind(snapshot)
    return [
        batch_of(BRONZE_ORDERS, bronze, {hour: found.due_in_bronze(hour, behind) for hour in hours}),
        batch_of(SILVER_REJECTED, rejected, {hour: found.due_in_rejected(hour) for hour in hours}),
    ]


def _ordered(snapshot: Snapshot, lake: LakeView, hours: list[datetime]) -> list[Batch]:
    rows = {
        table: rows_of_hours(lake.dataset_of(table.full_name), table, hours, lake.batch_id)
        for table in PUBLISHED_FROM
    }
    charges = charges_of(rows[SILVER_ORDERS])
    return [
        batch_of(table, found, {hour: due_of(table, hour, snapshot, charges.get(hour, 0)) for hour in hours})
        for table, found in rows.items()
    ]


def _cells(verdict: Verdict) -> tuple[str, ...]:
    good = sum(one.success for one in verdict.outcomes)
    found = verdict.as_text().partition(".json: ")[2] if verdict.severity else ""
    return (
        f"{verdict.hour:%Y-%m-%dT%H:%MZ}",
        verdict.table,
        verdict.severity or "good",
        f"{good} of {len(verdict.outcomes)}",
        " ".join(found.replace("|", "/").split())[:300],
    )
