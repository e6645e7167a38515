"""
Incidents: a row in ops.incidents from the moment something is wrong until it is over.

Whoever looks opens and closes them; `include/alerts.py` tells somebody. An incident has one open row per
stream (or DAG) and kind, however many look and however often.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from include.severity import Severity

SQL = Path(__file__).with_name("sql")


class Finding(NamedTuple):
    """Something that is wrong now. `patience`: seconds it must last before somebody is told."""

    kind: str
    severity: Severity
    summary: str
    runbook: str
    details: dict[str, Any]
    patience: float = 0.0


def open_or_update(connection: psycopg.Connection, stream: str, found: Iterable[Finding]) -> None:
    """Each is an open incident afterwards, seen now. Twice is once; it only ever gets worse."""
    query = (SQL / "open_incident.sql").read_bytes()
    for finding in found:
        binds = {**finding._asdict(), "stream": stream, "details": Jsonb(finding.details)}
        connection.execute(query, binds)


def close_over(connection: psycopg.Connection, stream: str, kinds: Iterable[str], *, calm: float) -> None:
    """Incidents of these kinds that were not seen for `calm` seconds are over."""
    binds = {"stream": stream, "over": list(kinds), "calm": calm}
    connection.execute((SQL / "close_incidents.sql").read_bytes(), binds)
