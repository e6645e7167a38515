"""Which hours a run of `rebuild_hours` asks for. No lake, no database: the DAG file imports it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from include.errors import RebuildRefused

# A partition of `rebuild_hours` is a day, named like this.
PARTITION_KEY_FORMAT = "%Y-%m-%d"
# What the form takes for an hour; nothing: the day of the run.
HOUR_PATTERN = r"^(\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):00Z)?$"
DAY = timedelta(days=1)
MOST_DAYS = 31
# The answer that has the hours swapped.
YES = "Approve"


class Window(NamedTuple):
    """Hours of event time, `until` not included. `name` is that of the side tables: one for each run."""

    name: str
    since: datetime
    until: datetime
    dry_run: bool

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%dT%H:%MZ} to {self.until:%Y-%m-%dT%H:%MZ}"


def window_of(
    *, run_id: str, run_type: str, partition_key: str | None, params: Mapping[str, Any], now: datetime
) -> Window:
    """
    The hours of the params; else the day of the partition; else yesterday.

    Raises:
        RebuildRefused: one of the two hours is missing or is none, they are in the wrong order, too far
            apart or in the future, or a backfill names hours besides its days.
    """
    named = [str(params.get(key) or "").strip() for key in ("since", "until")]
    if any(named) and run_type == "backfill":
        raise _refused(run_id, f"a backfill of {partition_key} names hours besides, {' to '.join(named)}")
    if any(named):
        since, until = (_hour_of(run_id, text) for text in named)
    elif partition_key:
        since = _day_of(run_id, partition_key)
        until = since + DAY
    else:
        until = now.replace(hour=0, minute=0, second=0, microsecond=0)
        since = until - DAY
    if until <= since:
        raise _refused(run_id, f"until {named[1]} is not after since {named[0]}")
    if until - since > MOST_DAYS * DAY:
        raise _refused(run_id, f"{since:%Y-%m-%d} to {until:%Y-%m-%d} is more than {MOST_DAYS} days")
    if since >= now:
        raise _refused(run_id, f"{since:%Y-%m-%dT%H:%MZ} is in the future")
    return Window(
        f"hours-{sha256(run_id.encode()).hexdigest()[:16]}", since, until, bool(params.get("dry_run"))
    )


def _hour_of(run_id: str, text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:00Z").replace(tzinfo=UTC)
    except ValueError as error:
        raise _refused(run_id, f"{text!r} is no hour like 2026-11-23T08:00Z") from error


def _day_of(run_id: str, key: str) -> datetime:
    try:
        return datetime.strptime(key, PARTITION_KEY_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise _refused(run_id, f"partition {key!r} is no day like 2026-11-23") from error


def _refused(run_id: str, finding: str) -> RebuildRefused:
    return RebuildRefused(
        f"Reading which hours run {run_id} asks for: {finding}. Nothing was rebuilt. Give `since` and `until`"
        " as full hours in UTC, or neither, and trigger it again: docs/runbooks/rebuild_hours.md."
    )
