"""Hours that a swap changed in the lake, until their marts are published: `ops.hours_to_publish`."""

from datetime import UTC, datetime
from typing import NamedTuple

import psycopg

OWE = """
insert into ops.hours_to_publish (hour_utc, reason)
select hour_utc, %(reason)s from ops.hour_ledger where hour_utc >= %(since)s and hour_utc < %(until)s
on conflict (hour_utc) do update set reason = excluded.reason, asked_at = clock_timestamp()
"""


class Owed(NamedTuple):
    """Why an hour must be published, and since when."""

    reason: str
    asked_at: datetime


def owe(connection: psycopg.Connection, since: datetime, until: datetime, reason: str) -> None:
    """The next run that publishes what has changed publishes the hours from `since` to before `until`."""
    connection.execute(OWE, {"since": since, "until": until, "reason": reason})


def owed_hours(connection: psycopg.Connection) -> dict[datetime, Owed]:
    rows = connection.execute("select hour_utc, reason, asked_at from ops.hours_to_publish")
    return {hour.astimezone(UTC): Owed(reason, asked_at) for hour, reason, asked_at in rows}


def settle(connection: psycopg.Connection, hour: datetime, owed: Owed) -> None:
    """The hour is published. One that was swapped again since `owed` was read stays owed."""
    connection.execute(
        "delete from ops.hours_to_publish where hour_utc = %s and asked_at = %s", [hour, owed.asked_at]
    )
