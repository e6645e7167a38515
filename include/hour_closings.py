"""Hours of event time whose orders are all in: said once, and again when late orders came after all."""

from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg

from include.publish.snapshot import Snapshot, changed_hours, closed_hours, read_snapshot
from include.settings import PublishSettings

# What was said and is not published by then is said again: the event, or the run that followed it, was lost.
SAID_AGAIN_AFTER = timedelta(hours=1)

SAID = "select hour_utc, last_batch_id, now() - said_at from ops.hour_closings"
SAY = """
insert into ops.hour_closings (hour_utc, last_batch_id, orders, revenue_cents) values (%s, %s, %s, %s)
on conflict (hour_utc) do update set
    last_batch_id = excluded.last_batch_id, orders = excluded.orders,
    revenue_cents = excluded.revenue_cents, times = hour_closings.times + 1, said_at = now()
"""


class Closing(NamedTuple):
    """An hour that is complete: what the ledger has for it, up to its last batch."""

    hour: datetime
    orders: int
    revenue_cents: int
    last_batch_id: int

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%dT%H:%MZ}: {self.orders:,} orders, {self.revenue_cents:,} cents"


def say_closings(connection: psycopg.Connection, settings: PublishSettings) -> list[Closing]:
    """
    The hours that are complete and not published as they are now, without those that were said already. They
    count as said from now on.

    An hour is complete when the stream has read everything that Kafka had `grace_minutes` after its end.

    Raises:
        NothingToPublish: the stream has closed no batch yet, or does not say how far it is.
    """
    snapshot = read_snapshot(connection)
    grace = settings.grace_minutes
    complete = closed_hours(changed_hours(snapshot, grace), snapshot.as_of, grace)
    with connection.transaction():
        said = {hour: (batch, age) for hour, batch, age in connection.execute(SAID)}
        closings = [_closing(snapshot, hour) for hour in complete if _is_news(snapshot, hour, said)]
        with connection.cursor() as cursor:
            cursor.executemany(SAY, [(c.hour, c.last_batch_id, c.orders, c.revenue_cents) for c in closings])
    return closings


def _is_news(snapshot: Snapshot, hour: datetime, said: dict[datetime, tuple[int, timedelta]]) -> bool:
    batch, age = said.get(hour, (-1, timedelta()))
    return batch < snapshot.ledger[hour].last_batch_id or age > SAID_AGAIN_AFTER


def _closing(snapshot: Snapshot, hour: datetime) -> Closing:
    held = snapshot.ledger[hour]
    return Closing(hour, held.orders, held.revenue_cents, held.last_batch_id)
