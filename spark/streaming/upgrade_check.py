"""
Would this version of the code go on from the checkpoint and the tables that are there? Changes nothing.

    python -m spark.streaming.upgrade_check          # what `saleslake check-upgrade` asks about the lake

Looks at files alone: neither Kafka, PostgreSQL nor a Spark session is needed.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from include.errors import LakehouseError, SettingsError
from include.findings import Finding, as_json, as_text, fits
from include.settings import LakeSettings, Settings, get_settings
from lake.tables import SILVER_ORDERS
from spark.session import settings_of_session
from spark.streaming.email_key import email_key, fingerprint
from spark.streaming.generation import QUERY, Generation, load_generation
from spark.streaming.table_check import opened
from spark.streaming.table_shape import table_findings
from spark.streaming.upgrade_checkpoint import (
    DeclaredQuery,
    checkpoint_findings,
    other_checkpoints,
    read_recorded,
)


def declared_query(settings: Settings) -> DeclaredQuery:
    """The lake writer's query: one topic, and no state in Spark."""
    return DeclaredQuery((settings.kafka.orders_topic,), settings_of_session(settings.stream))


def findings(settings: Settings, query: DeclaredQuery | None = None) -> list[Finding]:
    """
    Everything that was looked at.

    Raises:
        LakehouseError: checkpoint or a table cannot be read at all.
    """
    root = settings.lake.root
    others = other_checkpoints(root)
    if others and not (root / "_checkpoints" / QUERY).exists():
        return [_renamed(others)]
    generation = load_generation(root)
    if generation is None:
        begins = Finding("checkpoint", "ok", f"{root} is empty: the first start begins here")
        return [begins, *table_findings(root)]
    recorded = read_recorded(root)
    return [
        *checkpoint_findings(root, generation, recorded, query or declared_query(settings)),
        *table_findings(root),
        *_meaning(settings.lake, generation),
    ]


def _renamed(others: list[str]) -> Finding:
    return Finding(
        "query",
        "cannot",
        f"it is named {QUERY}, the checkpoint that is there {', '.join(others)}",
        "name it as before: under a new name it would begin anew and count every order twice",
    )


def _meaning(lake: LakeSettings, generation: Generation) -> Iterator[Finding]:
    """Settings by which records are judged: changed, they make something else of the same records."""
    yield _currency(lake)
    yield _key(lake, generation)


def _currency(lake: LakeSettings) -> Finding:
    what, wanted = "reporting currency", lake.reporting_currency
    try:
        held = _currency_of_silver(lake.root)
    except (OSError, KeyError, pa.ArrowException) as error:
        return Finding(what, "unseen", f"no order of silver can be read: {error}")
    if held not in (None, wanted):
        return Finding(
            what,
            "cannot",
            f"silver has orders in {held}, the settings say {wanted}",
            f"set lake.reporting_currency back to {held}: cents of two currencies do not add up, so another"
            " one is another lake",
        )
    return Finding(what, "ok", wanted)


def _currency_of_silver(root: Path) -> str | None:
    """That of any order: the contract lets no other into the same lake."""
    if not DeltaTable.is_deltatable(str(SILVER_ORDERS.path(root))):
        return None
    # From a file itself: the table may need features that readers here do not have.
    files = pa.table(opened(SILVER_ORDERS, root).get_add_actions(flatten=True))["path"]
    if not len(files):
        return None
    file = SILVER_ORDERS.path(root) / unquote(files[0].as_py())
    return str(pq.read_table(file, columns=["currency"], page_checksum_verification=True)["currency"][0])


def _key(lake: LakeSettings, generation: Generation) -> Finding:
    way_out = "put the old one back, from a backup of the run folder's secrets"
    try:
        found = fingerprint(email_key(lake.email_hmac_key_file))
    except SettingsError as error:
        return Finding("e-mail key", "cannot", str(error), way_out)
    if found != generation.email_key:
        text = "another than silver was written with: every repeat of an order would look like a conflict"
        return Finding("e-mail key", "cannot", text, way_out)
    return Finding("e-mail key", "ok", "the one that silver was written with")


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="upgrade_check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    try:
        found = findings(get_settings())
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(as_json(found), indent=2) if args.json else as_text(found))
    return 0 if fits(found) else 1


if __name__ == "__main__":
    sys.exit(main())
