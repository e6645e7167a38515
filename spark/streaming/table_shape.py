"""The lake's tables as they are against how the code declares them: what grows, what cannot be survived."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from deltalake import DeltaTable
from pyspark.sql import types as T

from include.errors import UpgradeRefused
from include.findings import Finding
from lake.schemas.orders import COLUMNS
from lake.tables import BRONZE_ORDERS, TABLES, Table
from spark.streaming.table_check import opened

RUNBOOK = "docs/runbooks/supervise_streams.md, 'A new version does not fit'"
# What every engine that reads or writes the lake can handle.
FEATURES = frozenset({"appendOnly", "invariants", "variantType"})
# (reader, writer): tables without named features, and with them.
PROTOCOLS = ((1, 2), (3, 7))


def table_findings(root: Path) -> list[Finding]:
    """One `ok` per table that fits, else everything that does not."""
    return [finding for table in TABLES for finding in findings_of(table, root)]


def refuse_misfits(root: Path) -> None:
    """
    Raises:
        UpgradeRefused: a table cannot be written as the code declares it.
        TableDamaged: a table's log cannot be read.
    """
    _refuse(table_findings(root), root)


def _refuse(findings: Iterable[Finding], root: Path) -> None:
    misfits = [finding for finding in findings if finding.state == "cannot"]
    if misfits:
        found = "; ".join(f"{misfit.what}: {misfit.text}" for misfit in misfits)
        raise UpgradeRefused(
            f"Starting the stream on {root} with this version: {found}. Nothing was written;"
            f" orders wait in Kafka. Go back to the version before; or {misfits[0].way_out}: {RUNBOOK}."
        )


def missing_columns(table: Table, root: Path) -> list[T.StructField]:
    """
    Columns that the code declares and the table, if there is one, has not.

    Raises:
        UpgradeRefused: the table cannot become what is declared by new columns.
        TableDamaged: its log cannot be read.
    """
    held = _held(table, root)
    if held is None:
        return []
    _refuse(_findings(table, held), root)
    names = _columns(held).names
    return [field for field in COLUMNS[table] if field.name not in names]


def findings_of(table: Table, root: Path) -> list[Finding]:
    """
    Raises:
        TableDamaged: its log cannot be read.
    """
    held = _held(table, root)
    if held is None:
        return [Finding(table.full_name, "ok", "is not there yet and will be made")]
    return _findings(table, held)


def _findings(table: Table, held: DeltaTable) -> list[Finding]:
    columns = _columns(held)
    found = [
        *_column_findings(table, columns),
        *_partition_findings(table, held),
        *_protocol_findings(table, held),
    ]
    return found or [Finding(table.full_name, "ok", f"{len(columns)} columns, as declared")]


def _held(table: Table, root: Path) -> DeltaTable | None:
    return opened(table, root) if DeltaTable.is_deltatable(str(table.path(root))) else None


def _columns(held: DeltaTable) -> T.StructType:
    return T.StructType.fromJson(json.loads(held.schema().to_json()))


def _column_findings(table: Table, held: T.StructType) -> Iterator[Finding]:
    declared = COLUMNS[table]
    for field in declared:
        what = f"{table.full_name}.{field.name}"
        if field.name in held.names:
            yield from _changes(table, held[field.name], field)
        elif field.nullable:
            yield Finding(what, "grows", f"{field.dataType.simpleString()}, NULL in the rows so far")
        else:
            yield _cannot(
                table, field.name, "is new and required, but rows so far have no value", "let it be NULL"
            )
    for name in held.names:
        if name not in declared.names:
            yield _cannot(table, name, "is no longer declared", "declare it again, allowing NULL")


def _changes(table: Table, held: T.StructField, declared: T.StructField) -> Iterator[Finding]:
    now, then = declared.dataType.simpleString(), held.dataType.simpleString()
    if now != then:
        yield _cannot(table, held.name, f"is {then} and declared {now}", "give the new type a new name")
    if held.nullable and not declared.nullable:
        text = "may be NULL and is declared required: rows so far may have none"
        yield _cannot(table, held.name, text, "let it be NULL")
    if declared.nullable and not held.nullable:
        text = "may not be NULL and is declared as if it might"
        yield _cannot(table, held.name, text, "declare it required")


def _partition_findings(table: Table, held: DeltaTable) -> Iterator[Finding]:
    found = held.metadata().partition_columns
    if found != [table.partition_by]:
        text = f"is partitioned by {', '.join(found) or 'nothing'} and declared by {table.partition_by}"
        yield _cannot(table, None, text, "declare it as it is")


def _protocol_findings(table: Table, held: DeltaTable) -> Iterator[Finding]:
    protocol = held.protocol()
    versions = (protocol.min_reader_version, protocol.min_writer_version)
    features = {*(protocol.reader_features or ()), *(protocol.writer_features or ())}
    if strange := sorted(features - FEATURES):
        text = f"needs the Delta features {', '.join(strange)}, which not every reader here has"
        yield _cannot(table, None, text, "drop them in Spark (alter table ... drop feature ...)")
    elif versions not in PROTOCOLS:
        text = f"needs Delta protocol {versions[0]}/{versions[1]}, which not every reader here has"
        yield _cannot(table, None, text, "find out who raised it and bring the table back from a backup")


def _cannot(table: Table, column: str | None, text: str, way_out: str) -> Finding:
    # Bronze is what everything else is made from, and cannot be made from anything but the topic.
    rebuild = "" if table is BRONZE_ORDERS else ", or make the table anew: `saleslake rebuild --from-bronze`"
    what = table.full_name if column is None else f"{table.full_name}.{column}"
    return Finding(what, "cannot", text, f"{way_out}{rebuild}")
