"""What the lake writer's ledger and the earlier publications say, read at one moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, LiteralString

import psycopg

from include.errors import NothingToPublish
from include.publish.owed import Owed, owed_hours

HOUR = timedelta(hours=1)
CLOSED = Decimal("1.000")
ALMOST_CLOSED = Decimal("0.999")


@dataclass(frozen=True, slots=True)
class LedgerHour:
    """What silver holds for an hour of event time, as the lake writer counted it."""

    orders: int
    revenue_cents: int
    last_batch_id: int


@dataclass(frozen=True, slots=True)
class Publication:
    """The version of an hour that the marts hold."""

    version: int
    batch_id: int
    completeness: Decimal
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`batch_id` bounds every table: rows of the lake up to it are what `ledger` counts."""

    batch_id: int
    as_of: datetime
    ledger: Mapping[datetime, LedgerHour]
    published: Mapping[datetime, Publication]
    owed: Mapping[datetime, Owed] = field(default_factory=dict)


def read_snapshot(connection: psycopg.Connection) -> Snapshot:
    """
    Read ledger, progress and publications in one repeatable-read transaction.

    Raises:
        NothingToPublish: the stream has closed no batch yet, or does not say how far it is.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        batch_id = _one(connection, "select max(batch_id) from ops.ledger")
        as_of = _one(connection, "select as_of from ops.stream_progress where stream = 'orders'")
        if batch_id is None or as_of is None:
            raise NothingToPublish(
                f"Reading the ledger: last closed batch {batch_id}, stream read up to {as_of}."
                " Nothing was published. Start the lake writer and wait for its first batch."
            )
        return Snapshot(
            batch_id,
            as_of.astimezone(UTC),
            _ledger(connection),
            published_hours(connection),
            owed_hours(connection),
        )


def published_hours(
    connection: psycopg.Connection, hour: datetime | None = None
) -> dict[datetime, Publication]:
    """The current publication of every hour, or of `hour` only."""
    rows = connection.execute(
        "select distinct on (hour_utc) hour_utc, version, batch_id, completeness, as_of"
        " from marts.publications where %(hour)s::timestamptz is null or hour_utc = %(hour)s"
        " order by hour_utc, version desc",
        {"hour": hour},
    )
    return {row[0].astimezone(UTC): Publication(*row[1:]) for row in rows}


def completeness(hour: datetime, as_of: datetime, grace_minutes: int) -> Decimal:
    """1 once the stream has read past the hour's end plus grace; before that the share of the hour seen."""
    if as_of >= hour + HOUR + timedelta(minutes=grace_minutes):
        return CLOSED
    share = Decimal((as_of - hour) / HOUR).quantize(ALMOST_CLOSED, ROUND_DOWN)
    return min(max(share, Decimal("0.000")), ALMOST_CLOSED)


def changed_hours(snapshot: Snapshot, grace_minutes: int) -> list[datetime]:
    """Hours never published, with orders since then, provisional and closed by now, or swapped since."""
    return [hour for hour in sorted(snapshot.ledger) if _is_changed(snapshot, hour, grace_minutes)]


def closed_hours(hours: Iterable[datetime], as_of: datetime, grace_minutes: int) -> list[datetime]:
    return [hour for hour in hours if completeness(hour, as_of, grace_minutes) == CLOSED]


def _is_changed(snapshot: Snapshot, hour: datetime, grace_minutes: int) -> bool:
    publication = snapshot.published.get(hour)
    if publication is None or hour in snapshot.owed:
        return True
    if snapshot.ledger[hour].last_batch_id > publication.batch_id:
        return True
    is_closed_now = completeness(hour, snapshot.as_of, grace_minutes) == CLOSED
    return is_closed_now and publication.completeness < CLOSED


def _ledger(connection: psycopg.Connection) -> dict[datetime, LedgerHour]:
    rows = connection.execute(
        "select hour_utc, orders, revenue_cents, last_batch_id from ops.hour_ledger order by hour_utc"
    )
    return {row[0].astimezone(UTC): LedgerHour(*row[1:]) for row in rows}


def _one(connection: psycopg.Connection, query: LiteralString) -> Any:
    row = connection.execute(query).fetchone()
    return None if row is None else row[0]
