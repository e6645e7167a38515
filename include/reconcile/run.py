"""The whole comparison: one cut through all layers, and what came of it."""

import time
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from include.lake_readers import reading_lake
from include.reconcile.checks import Check, layer_checks, manifest_check
from include.reconcile.database import DatabaseCut, ledger_ends, read_database
from include.reconcile.lake import LakeCut, read_lake
from include.reconcile.manifest import Truth, acknowledged_ends, read_manifest
from include.reconcile.marts import mart_checks
from include.reconcile.offsets import without_record
from include.reconcile.oracle import judge
from include.reconcile.structure import Empty, bronze_check, disposition_checks, nothing_known
from include.reconcile.sums import total
from include.sales_db import connect
from include.settings import PostgresSettings, Settings

POLL_SECONDS = 0.5
NAME = "saleslake-reconcile"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """All checks at batch `batch_id` (None: the stream has not closed a batch yet)."""

    batch_id: int | None
    checks: tuple[Check, ...]
    foreign_records: int
    seconds: float
    waited_in_vain: str = ""

    @property
    def passed(self) -> bool:
        """A comparison of nothing is not a pass."""
        return (
            self.batch_id is not None and not self.waited_in_vain and not any(c.failures for c in self.checks)
        )

    def as_json(self) -> dict[str, Any]:
        checks = [asdict(c) | {"result": c.result, "problems": list(c.problems)} for c in self.checks]
        return {"passed": self.passed, **asdict(self), "checks": checks}


def reconcile(
    settings: Settings, *, wait_seconds: float = 0.0, require_marts: bool = False
) -> Reconciliation:
    """Compare all at the last closed batch, after waiting for what is acknowledged to be in the lake."""
    late = ""
    if wait_seconds:
        late = wait_for_lake(settings.manifest, settings.kafka.orders_topic, settings.postgres, wait_seconds)
    begin = time.monotonic()
    with closing(connect(settings.postgres, application_name=NAME)) as connection:
        database = read_database(connection)
    if database.batch_id is None:
        return Reconciliation(None, (), 0, time.monotonic() - begin, late)
    # After the snapshot: all that the ledger speaks of is in the Delta tables by now.
    with reading_lake(settings.postgres, application_name=NAME):
        lake = read_lake(settings.lake.root, database.batch_id)
    truth = read_manifest(settings.manifest, settings.kafka.orders_topic)
    empty = partial(without_record, settings.kafka)
    checks, foreign = compare(database, lake, truth, require_marts=require_marts, empty=empty)
    return Reconciliation(database.batch_id, checks, foreign, time.monotonic() - begin, late)


def compare(
    database: DatabaseCut,
    lake: LakeCut,
    truth: Truth,
    *,
    require_marts: bool,
    empty: Empty = nothing_known,
) -> tuple[tuple[Check, ...], int]:
    """All checks of one cut, and how many records are not the simulator's."""
    verdicts = judge(truth, lake)
    checks = (
        manifest_check(truth, verdicts, lake, ends_of(database), database.losses),
        bronze_check(lake, database, empty),
        *disposition_checks(lake, database),
        *layer_checks(lake, database),
        _ledger_check(database),
        *mart_checks(lake, database, require=require_marts),
        *_missing_tables(lake),
    )
    return checks, verdicts.foreign_records


def ends_of(database: DatabaseCut) -> dict[int, int]:
    """By partition the first offset that the ledger does not cover yet."""
    ends: dict[int, int] = {}
    for partition, end in zip(
        *(database.ledger[n].to_pylist() for n in ("partition", "end_offset")), strict=True
    ):
        ends[partition] = max(end, ends.get(partition, 0))
    return ends


def _ledger_check(database: DatabaseCut) -> Check:
    """The ledger's own balance; its rows and cents are what the other layers were held against."""
    ledger = database.ledger
    parts = sum(total(ledger, f"{part}_rows") for part in ("silver", "duplicate", "quarantined"))
    read = total(ledger, "read_rows")
    problems = () if parts == read else (f"{parts:,} rows accounted for, {read:,} read",)
    return Check(
        "ops.ledger", ledger.num_rows, total(ledger, "silver_rows"), database.ledger_cents[0],
        problems=problems, failures=len(problems),
    )  # fmt: skip


def _missing_tables(lake: LakeCut) -> list[Check]:
    return [Check(name, 0, note="the table does not exist yet", compared=False) for name in lake.missing]


def wait_for_lake(manifest: Path, topic: str, postgres: PostgresSettings, seconds: float) -> str:
    """
    Wait until all that is acknowledged by now is in the ledger.

    Returns:
        What is still missing at the deadline; empty when nothing is.
    """
    wanted = acknowledged_ends(manifest, topic)
    deadline = time.monotonic() + seconds
    while True:
        behind = _behind(wanted, postgres)
        if not behind or time.monotonic() >= deadline:
            return behind
        time.sleep(POLL_SECONDS)


def _behind(wanted: dict[int, int], postgres: PostgresSettings) -> str:
    try:
        with closing(connect(postgres, application_name=NAME)) as connection:
            ends = ledger_ends(connection)
    except psycopg.OperationalError as error:
        return f"PostgreSQL does not answer: {error}"
    missing = sum(max(end - ends.get(partition, 0), 0) for partition, end in wanted.items())
    return f"{missing:,} acknowledged records are not in the lake yet" if missing else ""
