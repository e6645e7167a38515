"""Verdicts in `ops.quality_results`: what was looked at, when, by which run, and what was found."""

from collections.abc import Iterable

import psycopg
from psycopg.types.json import Jsonb

from include.quality.verdict import Verdict


def record(connection: psycopg.Connection, run_id: str, verdicts: Iterable[Verdict]) -> None:
    """Add a row per verdict. Twice is twice: it is a history of looks."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.quality_results (run_id, hour_utc, table_name, suite, success, severity,"
            " evaluated, failed, details) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (run_id, one.hour, one.table, one.suite, one.success, one.severity, len(one.outcomes),
                 len(one.failures) + len(one.warnings), Jsonb(_details(one)))
                for one in verdicts
            ],
        )  # fmt: skip


def _details(verdict: Verdict) -> dict[str, object]:
    found = [*verdict.failures, *verdict.warnings]
    return {"fault": verdict.fault, "not_as_expected": [one.as_json() for one in found]}
