"""What arrived in an hour: the batches that were closed in it, and what the ledger says of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg

from include.quality.frames import Due

BATCHES = """
    select batch_id, date_trunc('hour', closed_at, 'UTC') as hour_utc, sum(read_rows)::bigint,
        sum(duplicate_rows + quarantined_rows)::bigint
    from ops.ledger
    where date_trunc('hour', closed_at, 'UTC') = any(%(hours)s) and batch_id <= %(batch_id)s
    group by batch_id, closed_at
"""


class Arrivals(NamedTuple):
    """`hour_of` says in which of the hours a batch was closed."""

    hour_of: dict[int, datetime]
    read: dict[datetime, int]
    rejected: dict[datetime, int]

    def due_in_bronze(self, hour: datetime, minutes_behind: float) -> Due:
        return Due(rows=self.read[hour], minutes_behind=minutes_behind)

    def due_in_rejected(self, hour: datetime) -> Due:
        read, rejected = self.read[hour], self.rejected[hour]
        return Due(rows=rejected, rejected_share=rejected / read if read else None)


def arrivals(connection: psycopg.Connection, hours: Sequence[datetime], batch_id: int) -> Arrivals:
    found = Arrivals({}, dict.fromkeys(hours, 0), dict.fromkeys(hours, 0))
    for batch, hour, read, rejected in connection.execute(
        BATCHES, {"hours": list(hours), "batch_id": batch_id}
    ):
        at = hour.astimezone(UTC)
        found.hour_of[batch] = at
        found.read[at] += read
        found.rejected[at] += rejected
    return found
