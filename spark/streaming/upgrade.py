"""
Would this code go on with the lake that is there? `saleslake check-upgrade` asks, before a deploy.

    python -m spark.streaming.upgrade     # findings as JSON lines

Reads files only: no Spark session, no Kafka, no database. It writes nothing.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deltalake import DeltaTable

from include.errors import CheckpointMismatch, LakehouseError, SettingsError, TableDamaged
from include.findings import Finding
from include.settings import LakeSettings, Settings, get_settings
from lake.reading import record_batches
from lake.tables import SILVER_ORDERS, TABLES, Table
from spark.session import settings_of_session
from spark.streaming.email_key import email_key, fingerprint
from spark.streaming.generation import load_generation
from spark.streaming.table_check import opened
from spark.streaming.table_columns import Difference, differences
from spark.streaming.upgrade_checkpoint import DeclaredQuery, checkpoint_findings


def declared_query(settings: Settings) -> DeclaredQuery:
    return DeclaredQuery((settings.kafka.orders_topic,), settings_of_session(settings.stream))


def findings(settings: Settings) -> Iterator[Finding]:
    """Every comparison of code and settings with the lake, those that are right included."""
    yield from checkpoint_findings(settings.lake.root, declared_query(settings))
    for table in TABLES:
        yield from table_findings(table, settings.lake.root)
    # What cannot be read was told above.
    with suppress(TableDamaged):
        yield _of_currency(settings.lake)
    with suppress(CheckpointMismatch):
        yield _of_key(settings.lake)


def table_findings(table: Table, root: Path) -> Iterator[Finding]:
    if not DeltaTable.is_deltatable(str(table.path(root))):
        yield Finding(table.full_name, "grows", "is not there yet; the first start makes it")
        return
    try:
        found = differences(table, root)
    except TableDamaged as error:
        yield Finding(table.full_name, "cannot", str(error), "Heal the lake with the old code first.")
        return
    yield from (_of_difference(table, difference) for difference in found)
    if not found:
        yield Finding(table.full_name, "ok", "columns, partitions and protocol are as declared")


def _of_difference(table: Table, difference: Difference) -> Finding:
    if difference.grows:
        said = f"{difference.found}; the next start adds it, old rows have NULL"
        return Finding(table.full_name, "grows", said)
    return Finding(table.full_name, "cannot", difference.found, difference.way_out)


def _of_currency(lake: LakeSettings) -> Finding:
    held = _currency_of_silver(lake.root)
    if held not in (None, lake.reporting_currency):
        return Finding(
            "reporting currency",
            "cannot",
            f"silver holds orders in {held}, lake.reporting_currency is {lake.reporting_currency}",
            f"Set it back to {held}. Another currency is another lake: cents of two do not add up.",
        )
    return Finding("reporting currency", "ok", f"{lake.reporting_currency}, as in silver")


def _currency_of_silver(root: Path) -> str | None:
    """That of any order: the contract lets no other into the same lake."""
    if not DeltaTable.is_deltatable(str(SILVER_ORDERS.path(root))):
        return None
    silver = opened(SILVER_ORDERS, root).to_pyarrow_dataset()
    first = next(record_batches(silver, ["currency"]), None)
    return None if first is None else str(first["currency"][0])


def _of_key(lake: LakeSettings) -> Finding:
    subject, generation = "e-mail key", load_generation(lake.root)
    try:
        found = fingerprint(email_key(lake.email_hmac_key_file))
    except SettingsError as error:
        return Finding(subject, "cannot", str(error), "Put the key back from a backup of the run folder.")
    if generation is not None and generation.email_key != found:
        return Finding(
            subject,
            "cannot",
            f"its fingerprint is {found}, silver was written with {generation.email_key}",
            "Put the old key back: every repeat of an earlier order would look like a conflict.",
        )
    return Finding(subject, "ok", "the one that silver was written with")


def main() -> int:
    try:
        for finding in findings(get_settings()):
            print(json.dumps(finding.as_json()))
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
