"""Reconciles the small lake of a test with its manifest."""

from pathlib import Path

import pyarrow as pa

from include.reconcile.checks import Check
from include.reconcile.database import DatabaseCut
from include.reconcile.lake import read_lake
from include.reconcile.manifest import read_manifest
from include.reconcile.run import compare
from tests.small_database import database_of
from tests.small_lake import TOPIC, SmallLake, lake_of, note_down, some_events


def noted_lake(folder: Path) -> SmallLake:
    """A right lake of 600 records, and its manifest in `folder`."""
    events = some_events()
    note_down(folder / "manifest.sqlite", events)
    return lake_of(events)


def checks_of(
    folder: Path, lake: SmallLake, database: DatabaseCut | None = None, *, require_marts: bool = False
) -> dict[str, Check]:
    """Reconcile the lake with the manifest in `folder`."""
    lake.write(folder / "lake")
    database = database or database_of(lake)
    cut = read_lake(folder / "lake", database.batch_id or 0)
    truth = read_manifest(folder / "manifest.sqlite", TOPIC)
    checks, _ = compare(database, cut, truth, require_marts=require_marts)
    return {check.layer: check for check in checks}


def failed(checks: dict[str, Check]) -> set[str]:
    return {layer for layer, check in checks.items() if check.failures}


def off_by_one(table: pa.Table, measure: str) -> pa.Table:
    values = table[measure].to_pylist()
    values[1] += 1
    return table.set_column(table.column_names.index(measure), measure, pa.array(values, pa.int64()))
