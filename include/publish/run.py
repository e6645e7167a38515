"""Which hours are published, in which order, and what came of it."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pyarrow as pa

from include.errors import GateFailed, PublishError, StalePublisher
from include.lake_readers import reading
from include.publish.hour import Published, Release, check, publish_hour
from include.publish.owed import settle
from include.publish.request import Request
from include.publish.snapshot import (
    CLOSED,
    LedgerHour,
    Snapshot,
    changed_hours,
    closed_hours,
    completeness,
    read_snapshot,
)
from include.publish.staging import LakeView, open_lake, stage
from include.publish.summary import HourResult, Summary, number_of_hours
from include.settings import PublishSettings

if TYPE_CHECKING:
    from include.quality.audit import Audit

log = logging.getLogger(__name__)

NO_ORDERS = LedgerHour(orders=0, revenue_cents=0, last_batch_id=-1)


def publish(
    connection: psycopg.Connection,
    lake_root: Path,
    settings: PublishSettings,
    request: Request,
    keep_audit: Callable[["Audit"], None] | None = None,
) -> Summary:
    """
    Publish the hours of `request`, each in a transaction of its own. Twice is once.

    An hour that fails keeps what it had and does not stop the others: `Summary.raise_for_failures`.

    Args:
        keep_audit: gets what the quality gates found, whatever becomes of the hours.

    Raises:
        GateFailed: the ledger (NothingToPublish) or the lake is not there at all.
        psycopg.OperationalError: the database went away. Hours done by then stay done, also one whose COMMIT
            got no answer: run it again, it looks at marts.publications and goes on from there.
    """
    with reading(connection):
        return _publish(connection, lake_root, settings, request, keep_audit)


def _publish(
    connection: psycopg.Connection,
    lake_root: Path,
    settings: PublishSettings,
    request: Request,
    keep_audit: Callable[["Audit"], None] | None,
) -> Summary:
    began = time.monotonic()
    snapshot = read_snapshot(connection)
    lake = open_lake(lake_root, snapshot.batch_id)
    hours = select_hours(snapshot, request, settings.grace_minutes)
    log.info("Up to batch %s, as of %s: %s.", snapshot.batch_id, snapshot.as_of, number_of_hours(len(hours)))
    audit = _audit(snapshot, request)
    if keep_audit is not None:
        keep_audit(audit)
    results: list[HourResult] = []
    for _, hours_of_day in groupby(hours, key=datetime.date):
        releases = [_release(hour, snapshot, lake, request, settings, began) for hour in hours_of_day]
        for result in _publish_day(connection, lake, releases, settings, audit, dry_run=request.dry_run):
            results.append(result)
            log.info("Hour %s of %s: %s", len(results), len(hours), result.as_text())
    return Summary(snapshot.batch_id, snapshot.as_of, results, request.dry_run)


def _audit(snapshot: Snapshot, request: Request) -> "Audit":
    # Brings pandas and Great Expectations: seconds, which who only asks about a publish should not wait for.
    from include.quality.audit import Audit

    return Audit(snapshot, request.run_id)


def select_hours(snapshot: Snapshot, request: Request, grace_minutes: int) -> list[datetime]:
    changed = [] if request.changed == "none" else changed_hours(snapshot, grace_minutes)
    if request.changed == "closed":
        changed = closed_hours(changed, snapshot.as_of, grace_minutes)
    return sorted({*request.hours, *changed})


def _release(
    hour: datetime,
    snapshot: Snapshot,
    lake: LakeView,
    request: Request,
    settings: PublishSettings,
    began: float,
) -> Release:
    owed = snapshot.owed.get(hour)
    return Release(
        hour=hour,
        ledger=snapshot.ledger.get(hour, NO_ORDERS),
        as_of=snapshot.as_of,
        completeness=completeness(hour, snapshot.as_of, settings.grace_minutes),
        batch_id=lake.batch_id,
        source_versions=lake.source_versions,
        run_id=request.run_id,
        began=began,
        reason=request.reason or (owed.reason if owed else ""),
        owed=owed,
    )


def _publish_day(
    connection: psycopg.Connection,
    lake: LakeView,
    releases: list[Release],
    settings: PublishSettings,
    audit: "Audit",
    *,
    dry_run: bool,
) -> Iterator[HourResult]:
    """The hours of one day, in order. A day that cannot be read or staged does not stop the other days."""
    hours = [release.hour for release in releases]
    try:
        _ensure_day(connection, hours[0].date())
        stage(connection, lake, hours)
        audit.look_at(connection, lake, [release for release in releases if not _is_open(release)])
    # Arrow says OSError for a file that is missing or fails its checksums, its own error for other damage.
    except (psycopg.Error, OSError, ValueError, pa.ArrowException) as error:
        if connection.closed:
            raise
        log.exception("Staging %s", hours[0].date())
        detail = f"Staging {hours[0].date()}: {error}. The marts keep what they had."
        yield from (_result(release, "gave up", detail=detail) for release in releases)
        return
    for release in releases:
        if _is_open(release):
            yield _result(release, "open", detail="no orders yet, and the hour is not closed")
            continue
        yield _publish_one(connection, release, settings, audit, dry_run=dry_run)
        audit.record(connection, release.hour)


def _is_open(release: Release) -> bool:
    return release.ledger == NO_ORDERS and release.completeness < CLOSED


def _ensure_day(connection: psycopg.Connection, day: date) -> None:
    with connection.transaction():
        connection.execute("set local lock_timeout = '10s'")
        connection.execute("select marts.ensure_day(%s)", (day,))


def _publish_one(
    connection: psycopg.Connection,
    release: Release,
    settings: PublishSettings,
    audit: "Audit",
    *,
    dry_run: bool,
) -> HourResult:
    try:
        check(connection, release)
        audit.refuse(release.hour)
        if dry_run:
            return _result(release, "checked", detail=audit.warnings(release.hour))
        published = publish_hour(connection, release, settings, audit.content(release.hour))
        if release.owed is not None:
            settle(connection, release.hour, release.owed)
    except StalePublisher as error:
        return _result(release, "superseded", detail=str(error))
    except PublishError as error:
        log.error("%s", error)
        return _result(release, "failed" if isinstance(error, GateFailed) else "gave up", detail=str(error))
    return _result(release, published.outcome, published, audit.warnings(release.hour))


def _result(
    release: Release, outcome: str, published: Published | None = None, detail: str = ""
) -> HourResult:
    return HourResult(
        hour=release.hour,
        outcome=outcome,
        orders=release.ledger.orders,
        revenue_cents=release.ledger.revenue_cents,
        completeness=release.completeness,
        version=published.version if published else None,
        detail=detail,
    )
