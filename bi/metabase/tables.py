"""The marts as Metabase knows them: found after its sync, and named and described as the contract says."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bi.contract import SCHEMA, Column, Contract, Mart
from bi.metabase.api import SAFE, Metabase
from bi.metabase.errors import MetabaseError
from bi.metabase.keeping import Object, Tally, put_right, some

SYNC_SECONDS = 600.0
POLL_SECONDS = 2.0
# Whoever asks for the data of a table sees them no more, but may still sum and filter by them.
OUT_OF_SIGHT = "details-only"
TECHNICAL = ("batch_id", "content_hash", "run_id")
EVERY_FIELD = {"include_hidden_fields": "true", "include_sensitive_fields": "true"}


@dataclass(frozen=True, slots=True)
class KnownTable:
    """A mart and its columns as Metabase has them, by name."""

    table: Object
    fields: dict[str, Object]


def wait_for_tables(
    metabase: Metabase, database_id: int, contract: Contract, tell: Callable[[str], None]
) -> dict[str, KnownTable]:
    """
    Every mart with every column. Starts a sync when one is missing, and tells how far it is.

    Raises:
        MetabaseError: the sync is not over in time.
    """
    tables, missing = _look(metabase, database_id, contract)
    if missing:
        metabase.post(f"/api/database/{database_id}/sync_schema")
    deadline = time.monotonic() + SYNC_SECONDS
    told = 0
    while missing:
        if time.monotonic() > deadline:
            raise MetabaseError(
                f"Waiting for Metabase's sync of database {database_id}: after {SYNC_SECONDS:.0f} s"
                f" it does not know {some(missing)}. The sync may go on; no text of a table was changed."
                f" {SAFE} Look at Admin > Troubleshooting > Tasks in Metabase, and whether the stack's"
                " migrations are applied."
            )
        if len(missing) != told:
            told = len(missing)
            tell(f"Metabase syncs: {told} tables or columns are still unknown to it.")
        time.sleep(POLL_SECONDS)
        tables, missing = _look(metabase, database_id, contract)
    return tables


def _look(
    metabase: Metabase, database_id: int, contract: Contract
) -> tuple[dict[str, KnownTable], list[str]]:
    query = {"include_hidden": "true", "skip_fields": "true"}
    known = {
        row["name"]: row
        for row in metabase.get(f"/api/database/{database_id}/metadata", query)["tables"]
        if row["schema"] == SCHEMA and row.get("active", True)
    }
    missing = [f"{SCHEMA}.{name}" for name in contract.marts if name not in known]
    if missing:
        return {}, missing
    tables = {name: _known(metabase, known[name]) for name in contract.marts}
    missing = [
        f"{SCHEMA}.{name}.{column}"
        for name, mart in contract.marts.items()
        for column in mart.columns
        if column not in tables[name].fields
    ]
    return tables, missing


def _known(metabase: Metabase, table: Object) -> KnownTable:
    # Table by table: only here a column that somebody excluded is named in every version.
    said = metabase.get(f"/api/table/{table['id']}/query_metadata", EVERY_FIELD)
    fields = {row["name"]: row for row in said["fields"] if row.get("active", True)}
    return KnownTable(said, fields)


def describe_tables(
    metabase: Metabase, contract: Contract, tables: dict[str, KnownTable], tally: Tally
) -> None:
    """
    Every mart and column is labelled, described, keyed and joined as the contract says. Twice changes
    nothing.

    What the contract does not say stays: other tables, a column's semantic type beside keys and joins.
    """
    for name, mart in contract.marts.items():
        known = tables[name]
        texts = {"display_name": mart.label, "description": mart.description}
        differed = put_right(metabase, f"/api/table/{known.table['id']}", known.table, texts)
        for column in mart.columns:
            field = known.fields[column]
            wanted = dict(_wanted(contract, mart, column, tables))
            if put_right(metabase, f"/api/field/{field['id']}", field, wanted):
                differed.append(f"column {column}")
        tally.is_as_wanted(f"the table {SCHEMA}.{name}", differed)


def _wanted(
    contract: Contract, mart: Mart, name: str, tables: dict[str, KnownTable]
) -> Iterator[tuple[str, Any]]:
    column = mart.columns[name]
    yield "display_name", column.label
    yield "description", column.description
    if name in mart.joins:
        joined = mart.joins[name]
        key = contract.marts[joined].key[0]
        yield "semantic_type", "type/FK"
        yield "fk_target_field_id", tables[joined].fields[key]["id"]
    elif mart.key == (name,):
        # One column alone: Metabase opens a row by one key.
        yield "semantic_type", "type/PK"
    if is_out_of_sight(name, column):
        yield "visibility_type", OUT_OF_SIGHT


def is_out_of_sight(name: str, column: Column) -> bool:
    """Cents, which the questions show as amounts, and what is about the machinery."""
    return (
        name.endswith("_cents")
        or name in TECHNICAL
        or column.type == "jsonb"
        or column.description.startswith("Provenance:")
    )
