"""The lake's tables as they are against how the code declares them: what grows, what cannot be survived."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from deltalake import DeltaTable
from pyspark.sql import types as T

from include.errors import UpgradeRefused
from lake.reading import delta_table
from lake.schemas.orders import COLUMNS
from lake.tables import TABLES, Table

RUNBOOK = "docs/runbooks/supervise_streams.md, 'A new version does not fit'"


class Finding(NamedTuple):
    """`grows`: the next start adds it by itself. `cannot`: the text says what to do instead."""

    what: str
    state: Literal["ok", "grows", "cannot"]
    text: str


def table_findings(root: Path) -> list[Finding]:
    """One `ok` per table that fits, else everything that does not."""
    return [finding for table in TABLES for finding in findings_of(table, root)]


def refuse_misfits(root: Path) -> None:
    """
    Raises:
        UpgradeRefused: a table cannot be written as the code declares it.
    """
    misfits = [f"{f.what}: {f.text}" for f in table_findings(root) if f.state == "cannot"]
    if misfits:
        raise UpgradeRefused(
            f"Starting the stream on {root} with this version: {'; '.join(misfits)}. Nothing was written. Go"
            f" back to the version before, or change this one: {RUNBOOK}."
        )


def missing_columns(table: Table, root: Path) -> list[T.StructField]:
    """Columns that the code declares and the table has not."""
    held = _held(table, root)
    return [field for field in COLUMNS[table] if held is not None and field.name not in held.names]


def findings_of(table: Table, root: Path) -> list[Finding]:
    held = _held(table, root)
    if held is None:
        return [Finding(table.full_name, "ok", "is not there yet and will be made")]
    found = [*_column_findings(table, held), *_partition_findings(table, root)]
    return found or [Finding(table.full_name, "ok", f"{len(held)} columns, as declared")]


def _held(table: Table, root: Path) -> T.StructType | None:
    if not DeltaTable.is_deltatable(str(table.path(root))):
        return None
    return T.StructType.fromJson(json.loads(delta_table(table, root).schema().to_json()))


def _column_findings(table: Table, held: T.StructType) -> Iterator[Finding]:
    declared = COLUMNS[table]
    for field in declared:
        what = f"{table.full_name}.{field.name}"
        if field.name in held.names:
            yield from _changes(what, held[field.name], field)
        elif field.nullable:
            yield Finding(what, "grows", f"{field.dataType.simpleString()}, NULL in the rows so far")
        else:
            yield Finding(what, "cannot", "is new and required, but rows so far have no value: allow NULL")
    for name in held.names:
        if name not in declared.names:
            yield Finding(
                f"{table.full_name}.{name}",
                "cannot",
                "is no longer declared: declare it again, allowing NULL",
            )


def _changes(what: str, held: T.StructField, declared: T.StructField) -> Iterator[Finding]:
    now, then = declared.dataType.simpleString(), held.dataType.simpleString()
    if now != then:
        yield Finding(what, "cannot", f"is {then} and declared {now}: give the new type a new name")
    if held.nullable and not declared.nullable:
        yield Finding(what, "cannot", "may be NULL and is declared required: rows so far may have none")


def _partition_findings(table: Table, root: Path) -> Iterator[Finding]:
    found = delta_table(table, root).metadata().partition_columns
    if found != [table.partition_by]:
        yield Finding(
            table.full_name,
            "cannot",
            f"is partitioned by {', '.join(found) or 'nothing'} and declared by {table.partition_by}: they"
            " cannot be changed in place",
        )
