"""
Would this version of the code go on from the checkpoint and the tables that are there? Changes nothing.

    python -m spark.streaming.upgrade_check          # `saleslake check-upgrade`

Looks at files alone: neither Kafka, PostgreSQL nor a Spark session is needed.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from include.errors import LakehouseError
from include.settings import Settings, get_settings
from lake.tables import checkpoint
from spark.streaming.email_key import email_key, fingerprint
from spark.streaming.generation import QUERY, Generation, load_generation
from spark.streaming.table_shape import Finding, table_findings


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the checkpoint says about the query that made it."""

    sources: list[str]  # one line each, as Spark wrote it
    planned: int
    committed: int
    has_state: bool


def findings(settings: Settings) -> list[Finding]:
    """
    Everything that was looked at.

    Raises:
        LakehouseError: the checkpoint cannot be read at all.
    """
    root = settings.lake.root
    generation = load_generation(root)
    if generation is None:
        return [Finding("checkpoint", "ok", f"{root} is empty: the first start begins here")]
    return [*_checkpoint_findings(root, generation, settings), *table_findings(root)]


def _checkpoint_findings(root: Path, generation: Generation, settings: Settings) -> Iterator[Finding]:
    recorded = _recorded(root)
    yield _source_finding(recorded, generation, settings.kafka.orders_topic)
    yield (
        Finding("stateful parts", "cannot", "the checkpoint has state, this version has no stateful part")
        if recorded.has_state
        else Finding("stateful parts", "ok", "none, neither in the checkpoint nor in the code")
    )
    yield (
        Finding(
            "unfinished batch", "cannot",
            f"batch {generation.batch_id(recorded.planned)} is planned and not done: let the version that"
            " planned it finish it (`saleslake up`, then `saleslake down`)",
        )
        if recorded.planned > recorded.committed
        else Finding("unfinished batch", "ok", "none")
    )  # fmt: skip
    same_key = fingerprint(email_key(settings.lake.email_hmac_key_file)) == generation.email_key
    yield (
        Finding("e-mail key", "ok", "the one that silver was written with")
        if same_key
        else Finding("e-mail key", "cannot", "another than silver was written with: put the old one back")
    )


def _source_finding(recorded: Recorded, generation: Generation, topic: str) -> Finding:
    if generation.topic != topic:
        return Finding(
            "source", "cannot",
            f"the checkpoint reads topic {generation.topic}, the settings say {topic}: set kafka.orders_topic"
            " back, or begin a new lake for the new topic",
        )  # fmt: skip
    if len(recorded.sources) > 1 or any(topic not in json.loads(source) for source in recorded.sources):
        return Finding(
            "source", "cannot", f"the checkpoint was made by a query of other sources: {recorded.sources}"
        )
    return Finding("source", "ok", f"Kafka topic {topic}")


def _recorded(root: Path) -> Recorded:
    folder = checkpoint(root, QUERY)
    planned, committed = (
        max((int(file.name) for file in (folder / name).glob("[0-9]*") if file.name.isdigit()), default=-1)
        for name in ("offsets", "commits")
    )
    lines = (folder / "offsets" / str(planned)).read_text().splitlines() if planned >= 0 else []
    # Line 1 is the format's version, line 2 its metadata, each further one a source's offsets.
    return Recorded(lines[2:], planned, committed, (folder / "state").exists())


def as_text(found: list[Finding]) -> str:
    width = max(len(finding.what) for finding in found)
    marks = {"ok": "ok    ", "grows": "grows ", "cannot": "CANNOT"}
    return "\n".join(f"{marks[f.state]}  {f.what:<{width}}  {f.text}" for f in found)


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
    fits = all(finding.state != "cannot" for finding in found)
    if args.json:
        print(json.dumps({"fits": fits, "findings": [f._asdict() for f in found]}, indent=2))
    else:
        print(as_text(found))
        print("This version can go on from here." if fits else "This version cannot go on from here.")
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
