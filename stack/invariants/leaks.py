"""
I13: no e-mail of a customer and no password stands where it does not belong.

Bronze and silver.rejected keep the raw bytes of their records by design (ADR 9) and Kafka has them, so their
data files are left out, not their logs. Everything else is searched: logs, checkpoint, index, silver, gold,
live, marts, ops and what the lake writer says to Prometheus.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pyarrow as pa
from psycopg import sql

from include.reconcile.checks import Problems
from include.sales_db import connect
from include.settings import Settings
from lake.reading import delta_table, record_batches
from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
)
from stack.invariants.finding import Finding, judged
from stack.layout import RunFolder
from stack.processes import LOOPBACK

EMAIL = re.compile(rb"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
RAW = (BRONZE_ORDERS, SILVER_REJECTED)
CLEAN = (SILVER_ORDERS, GOLD_PRODUCT_SALES_MINUTE, GOLD_ORDER_VALUE_MINUTE)
SCHEMAS = ("live", "marts", "ops")
# An identifier or a name, not a secret: too short to be looked for.
SHORTEST_SECRET = 16
CHUNK, OVERLAP = 4 * 1024 * 1024, 512


@dataclass(slots=True)
class Search:
    """What is looked for, and where it was found. A secret is named by its file, never shown."""

    emails: frozenset[bytes]
    secrets: dict[str, bytes]
    megabytes: float = 0.0
    places: int = 0
    problems: Problems = field(default_factory=Problems)

    def through(self, place: str, texts: Iterable[bytes]) -> None:
        self.places += 1
        leaked: set[str] = set()
        for piece in texts:
            self.megabytes += len(piece) / 1e6
            leaked.update(self._leaks(piece))
        self.problems.add(f"{place}: {what}" for what in sorted(leaked))

    def _leaks(self, text: bytes) -> Iterator[str]:
        if found := self.emails.intersection(EMAIL.findall(text)):
            yield f"{len(found)} e-mail addresses of customers"
        for name, secret in self.secrets.items():
            if secret in text:
                yield f"the secret {name}"


def secrets_of(folder: RunFolder) -> dict[str, bytes]:
    """The stack's own secrets by the name of their file."""
    files = (
        file for file in (folder.root / "secrets").glob("*") if file.suffix != ".json" and file.is_file()
    )
    texts = {file.name: file.read_bytes().strip() for file in files if file.name != "pgpass"}
    return {name: text for name, text in texts.items() if len(text) >= SHORTEST_SECRET}


def secrets_kept(settings: Settings, folder: RunFolder, emails: Iterable[bytes]) -> Finding:
    """
    Args:
        emails: the addresses that were really sent.
    """
    search = Search(frozenset(emails), secrets_of(folder))
    for file in searched_files(folder, settings.lake.root):
        search.through(file.name, pieces(file))
    search_tables(search, settings.lake.root)
    with closing(connect(settings.postgres, application_name="saleslake invariants")) as connection:
        _search_database(search, connection)
    _search_metrics(search, settings)
    counts = {
        "e-mails": len(search.emails),
        "secrets": len(search.secrets),
        "places": search.places,
        "MB": round(search.megabytes),
    }
    return judged("I13", counts, [], [search.problems.as_check("leak")])


def searched_files(folder: RunFolder, lake_root: Path) -> Iterator[Path]:
    """Logs, and every file of the lake that is not data of the tables."""
    for root in (folder.root / "log", folder.home("airflow") / "logs"):
        yield from (file for file in sorted(root.rglob("*")) if file.is_file())
    data = [table.path(lake_root) for table in (*RAW, *CLEAN)]
    for file in sorted(lake_root.rglob("*")):
        in_table = any(file.is_relative_to(table) for table in data)
        if file.is_file() and (not in_table or "_delta_log" in file.parts):
            yield file


def pieces(file: Path) -> Iterator[bytes]:
    """The file in pieces that overlap, so that nothing hides between two."""
    before = b""
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield before + chunk
            before = chunk[-OVERLAP:]


def search_tables(search: Search, root: Path) -> None:
    for table in CLEAN:
        dataset = delta_table(table, root).to_pyarrow_dataset()
        rows = record_batches(dataset, dataset.schema.names)
        search.through(table.full_name, (_as_bytes(batch) for batch in rows))


def _as_bytes(batch: pa.RecordBatch) -> bytes:
    return "\n".join(map(str, batch.to_pylist())).encode()


def _search_database(search: Search, connection: psycopg.Connection) -> None:
    tables = connection.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema = any(%s) and table_type = 'BASE TABLE' order by 1, 2",
        (list(SCHEMAS),),
    ).fetchall()
    for schema, name in tables:
        rows = sql.SQL("copy (select to_jsonb(held)::text from {} as held) to stdout")
        with connection.cursor().copy(rows.format(sql.Identifier(schema, name))) as stream:
            search.through(f"{schema}.{name}", (bytes(piece) for piece in stream))


def _search_metrics(search: Search, settings: Settings) -> None:
    port = settings.stream.metrics_port
    if port is None:
        return
    with urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as answer:
        search.through("metrics of the lake writer", [answer.read()])
