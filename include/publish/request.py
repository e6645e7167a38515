"""What an Airflow run of `publish_marts` asks for. No lake, no database: the DAG file imports it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from include.errors import RequestRefused

# A partition of `publish_marts` is an hour, named like this.
PARTITION_KEY_FORMAT = "%Y-%m-%dT%H:00Z"
# What the form takes for a line of `hours`. An empty one is left by a line end after the last hour.
HOUR_PATTERN = r"^(\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):00Z)?$"


# Airflow's names of what made a run. What is not here is refused, rather than taken for one of them.
RUN_TYPES = frozenset({"scheduled", "backfill", "manual", "operator_triggered", "asset_triggered"})


class Request(NamedTuple):
    """
    The hours asked for by name, and of the `changed` ones those that are closed, or all.

    Changed: never published, with orders since then, published as provisional and closed by now, or swapped.
    """

    run_id: str
    hours: Sequence[datetime] = ()
    changed: Literal["none", "closed", "all"] = "none"
    dry_run: bool = False
    # What restatements are told with; empty: late orders, or whatever it looks like.
    reason: str = ""


def request_of(
    *, run_id: str, run_type: str, partition_key: str | None, params: Mapping[str, Any]
) -> Request:
    """
    Named hours win, except in a backfill, whose window names them. Else a scheduled run does its hour and the
    closed ones that changed, one that follows closed hours these alone, a backfill its hour alone, and a run
    on demand every hour that changed.

    Raises:
        RequestRefused: an hour is not written like `PARTITION_KEY_FORMAT`, a backfill names hours besides
            its window, or the run is of a strange type.
    """
    if run_type not in RUN_TYPES:
        raise RequestRefused(
            f"Reading what run {run_id} asks for: type {run_type!r} is none of {sorted(RUN_TYPES)}."
            " Nothing was published. Teach it to include/publish/request.py."
        )
    dry_run = bool(params.get("dry_run"))
    named = [name for name in params.get("hours") or () if name.strip()]
    if named and run_type == "backfill":
        raise RequestRefused(
            f"Reading what run {run_id} asks for: a backfill of {partition_key} that names {len(named)} hours"
            " besides. Nothing was published. Start the backfill without `hours`, or trigger a single run."
        )
    if named:
        reason = str(params.get("reason") or "").strip()
        return Request(run_id, [hour_of(name) for name in named], "none", dry_run, reason)
    if run_type == "asset_triggered":
        # Hours have closed: which ones, the ledger knows best by now.
        return Request(run_id, (), "closed", dry_run)
    if partition_key is None:
        return Request(run_id, (), "all", dry_run)
    changed: Literal["none", "closed"] = "closed" if run_type == "scheduled" else "none"
    return Request(run_id, [hour_of(partition_key)], changed, dry_run)


def hour_of(name: str) -> datetime:
    try:
        return datetime.strptime(name, PARTITION_KEY_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise RequestRefused(
            f"Reading the hour {name!r}: it is not written like 2026-11-23T08:00Z."
            " Nothing was published. Correct it and run again."
        ) from error
