"""
Are the lake's tables as this code declares them? Read from their logs, without Spark.

What a table lacks it gets at the next start, if it may be empty there; everything else is refused, by the
start and by `saleslake check-upgrade` alike.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from include.errors import TableDiffers
from lake.schemas.orders import COLUMNS
from lake.tables import BRONZE_ORDERS, TABLES, Table
from spark.streaming.table_check import opened

RUNBOOK = "docs/runbooks/supervise_streams.md, 'A table has other columns'"
# What every engine that reads or writes the lake can handle.
FEATURES = frozenset({"appendOnly", "invariants", "variantType"})
# (reader, writer): tables without named features, and with them.
PROTOCOLS = ((1, 2), (3, 7))


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a table is not as declared. `column`: what would make it so, by itself."""

    table: Table
    found: str
    way_out: str = ""
    column: T.StructField | None = None

    @property
    def grows(self) -> bool:
        return self.column is not None


def differences(table: Table, root: Path) -> list[Difference]:
    """
    What is not as declared; nothing when the table is not there yet.

    Raises:
        TableDamaged: its log cannot be read.
    """
    if not DeltaTable.is_deltatable(str(table.path(root))):
        return []
    held = opened(table, root)
    found = T.StructType.fromJson(json.loads(held.schema().to_json()))
    return [
        *_of_columns(table, COLUMNS[table], found),
        *_of_partitions(table, held.metadata().partition_columns),
        *_of_protocol(table, held),
    ]


def refuse_other_tables(root: Path) -> None:
    """
    Raises:
        TableDiffers: a table cannot become what this code declares.
        TableDamaged: a table's log cannot be read.
    """
    for table in TABLES:
        refuse_another(table, differences(table, root))


def refuse_another(table: Table, found: list[Difference]) -> None:
    """
    Raises:
        TableDiffers: one of the differences does not go away by growing.
    """
    cannot = [difference for difference in found if not difference.grows]
    if cannot:
        raise TableDiffers(
            f"Comparing {table.full_name} with what this code declares:"
            f" {'; '.join(difference.found for difference in cannot)}. The stream did not start and nothing"
            f" was written; orders wait in Kafka. {cannot[0].way_out} See {RUNBOOK}."
        )


def grow_table(spark: SparkSession, table: Table, root: Path) -> None:
    """
    Add the columns that the table lacks, in one commit. Files stay as they are: old rows read as NULL. Twice
    is once.

    Raises:
        TableDiffers: the table differs in another way; nothing was changed.
    """
    found = differences(table, root)
    refuse_another(table, found)
    columns = [f"`{d.column.name}` {d.column.dataType.simpleString()}" for d in found if d.column]
    if columns:
        spark.sql(f"alter table delta.`{table.path(root)}` add columns ({', '.join(columns)})")


def _of_columns(table: Table, declared: T.StructType, found: T.StructType) -> Iterator[Difference]:
    for field in declared:
        if field.name not in found.names:
            yield _missing(table, field)
        else:
            yield from _changed(table, field, found[field.name])
    for field in found:
        if field.name not in declared.names:
            yield Difference(
                table,
                f"column `{field.name}` ({field.dataType.simpleString()}) is in the table and not declared",
                "This code is older than the lake, or a column was removed: declare it in"
                f" lake/schemas/orders.py, nullable if it is no longer filled{_or_rebuild(table)}",
            )


def _missing(table: Table, field: T.StructField) -> Difference:
    kind = field.dataType.simpleString()
    if field.nullable:
        return Difference(table, f"column `{field.name}` ({kind}) is new", column=field)
    return Difference(
        table,
        f"column `{field.name}` ({kind}) is declared NOT NULL, and the rows of before have none",
        f"Declare it nullable{_or_rebuild(table)}",
    )


def _changed(table: Table, declared: T.StructField, found: T.StructField) -> Iterator[Difference]:
    before, now = found.dataType.simpleString(), declared.dataType.simpleString()
    if before != now:
        yield Difference(
            table,
            f"column `{declared.name}` is {before}, declared as {now}",
            f"Declare a new column beside it (docs/contracts/growing.md){_or_rebuild(table)}",
        )
    if found.nullable != declared.nullable:
        was, is_now = ("NULL", "NOT NULL") if found.nullable else ("NOT NULL", "NULL")
        yield Difference(
            table,
            f"column `{declared.name}` allows {was}, declared as {is_now}",
            f"Declare it as {was}{_or_rebuild(table)}",
        )


def _of_partitions(table: Table, found: list[str]) -> Iterator[Difference]:
    if found != [table.partition_by]:
        yield Difference(
            table,
            f"it is partitioned by {', '.join(found) or 'nothing'}, declared by {table.partition_by}",
            f"Declare the old partitioning{_or_rebuild(table)}",
        )


def _of_protocol(table: Table, held: DeltaTable) -> Iterator[Difference]:
    protocol = held.protocol()
    versions = (protocol.min_reader_version, protocol.min_writer_version)
    features = {*(protocol.reader_features or ()), *(protocol.writer_features or ())}
    if strange := sorted(features - FEATURES):
        yield Difference(
            table,
            f"it needs the Delta features {', '.join(strange)}, which not every reader here has",
            f"Drop them: alter table delta.`<path>` drop feature {strange[0]}{_or_rebuild(table)}",
        )
    elif versions not in PROTOCOLS:
        yield Difference(
            table,
            f"it needs Delta protocol {versions[0]}/{versions[1]}, which not every reader here has",
            f"Put it back as it was before somebody raised it{_or_rebuild(table)}",
        )


def _or_rebuild(table: Table) -> str:
    if table is BRONZE_ORDERS:
        return "; bronze cannot be made again from anything but the topic."
    return ", or `saleslake rebuild --from-bronze` makes the table anew as declared."
