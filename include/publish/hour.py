"""One hour of every mart: the gate on sums; then lock, replace, restate, record, in one transaction."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.errors import GateFailed, PublishError, QualityFailed, StalePublisher
from include.publish.content import Content, columns_of, content, in_hour
from include.publish.marts import DIM_PRODUCT, MARTS, Mart, execute, staged, statement
from include.publish.owed import Owed
from include.publish.snapshot import CLOSED, LedgerHour, Publication, published_hours
from include.publish.staging import use_memory
from include.settings import PublishSettings

# First key of the advisory lock; the second is the hour.
HOUR_LOCK = 23070

GATE = "publish/gate.sql"
MEASURES = "publish/measures.sql"
RESTATEMENTS = "publish/restatements.sql"

Outcome = Literal["published", "restated", "unchanged", "checked"]


@dataclass(frozen=True, slots=True)
class Release:
    """An hour to publish, and what it is made from."""

    hour: datetime
    ledger: LedgerHour
    as_of: datetime
    completeness: Decimal
    batch_id: int
    source_versions: dict[str, int]
    run_id: str
    began: float  # of its run, by time.monotonic
    reason: str = ""  # of restatements; empty: whatever it looks like
    owed: Owed | None = None  # it was swapped, and this is to publish that


class Published(NamedTuple):
    outcome: Outcome
    version: int | None


def check(connection: psycopg.Connection, release: Release) -> None:
    """
    Compare the staged rows of the hour with the ledger and with each other.

    Raises:
        GateFailed: something differs, or nothing was compared.
    """
    binds = {
        "hour_utc": release.hour,
        "ledger_orders": release.ledger.orders,
        "ledger_revenue_cents": release.ledger.revenue_cents,
    }
    rows = execute(connection, statement(GATE), binds).fetchall()
    failed = [
        f"{name}: expected {expected}, found {found}" for name, expected, found in rows if expected != found
    ]
    if failed or not rows:
        raise GateFailed(
            f"Checking hour {release.hour:%Y-%m-%dT%H:%MZ} up to batch {release.batch_id}:"
            f" {'; '.join(failed) or 'no check was made'}."
            " The marts keep what they had. See docs/runbooks/publish_marts.md, 'The gate failed'."
        )


def publish_hour(
    connection: psycopg.Connection,
    release: Release,
    settings: PublishSettings,
    audited: Mapping[Mart, Content],
) -> Published:
    """
    Make every mart hold exactly the staged rows of the hour, which `check` and the quality gates have passed.
    Twice is once: equal content is left as it is.

    Args:
        audited: what the quality gates looked at; nothing else is published.

    Raises:
        QualityFailed: a mart came out different from that.
        StalePublisher: the hour is already published from a later look at the lake.
        PublishError: a lock or a statement took too long.
    """
    try:
        with connection.transaction() as transaction:
            _begin(connection, release.hour, settings)
            published = _publish(connection, release, audited)
            if published.outcome == "unchanged":
                raise psycopg.Rollback(transaction)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled) as error:
        raise PublishError(
            f"Publishing hour {release.hour:%Y-%m-%dT%H:%MZ}: {str(error).strip()}."
            " The marts keep what they had. pg_stat_activity tells who holds the lock; a retry follows."
        ) from error
    return published


def _begin(connection: psycopg.Connection, hour: datetime, settings: PublishSettings) -> None:
    use_memory(connection)
    connection.execute(
        "select set_config('statement_timeout', %s, true), set_config('timezone', 'UTC', true)",
        [f"{settings.statement_timeout_seconds}s"],
    )
    # Another publisher of the hour may take as long as a statement; nobody waits behind this lock but others.
    connection.execute(
        "select pg_advisory_xact_lock(%s::int, %s::int)", (HOUR_LOCK, int(hour.timestamp()) // 3600)
    )
    # On a table others wait behind us: readers.
    connection.execute("select set_config('lock_timeout', %s, true)", [f"{settings.lock_timeout_seconds}s"])


def _refuse_older(connection: psycopg.Connection, release: Release) -> Publication | None:
    """The hour's current publication, read under the lock."""
    previous = published_hours(connection, release.hour).get(release.hour)
    if previous is not None and (previous.batch_id, previous.as_of) > (release.batch_id, release.as_of):
        raise StalePublisher(
            f"Publishing hour {release.hour:%Y-%m-%dT%H:%MZ} up to batch {release.batch_id}, as of"
            f" {release.as_of}: version {previous.version} already counts up to batch {previous.batch_id}, as"
            f" of {previous.as_of}. The marts keep that version. Nothing is to be done; a new run reads what"
            " is newer."
        )
    return previous


def _refuse_unaudited(
    release: Release, audited: Mapping[Mart, Content], written: Mapping[Mart, Content]
) -> None:
    others = [mart.name for mart in MARTS if audited.get(mart) != written[mart]]
    if others:
        raise QualityFailed(
            f"Publishing hour {release.hour:%Y-%m-%dT%H:%MZ}: {', '.join(others)} came out different from"
            " what the quality gates had looked at. The marts keep what they had. Run it again; if it says"
            " the same, others write to the marts, too."
            " See docs/runbooks/publish_marts.md, 'A quality gate failed'."
        )


def _publish(connection: psycopg.Connection, release: Release, audited: Mapping[Mart, Content]) -> Published:
    """Replace the hour and tell what that changed; the caller undoes it when it changed nothing."""
    previous = _refuse_older(connection, release)
    was_closed = previous is not None and previous.completeness == CLOSED
    version = previous.version + 1 if previous else 1
    before = {mart: content(connection, mart, release.hour) for mart in MARTS}
    _keep_measures(connection, release, "before")
    after = _replace(connection, release, version, is_restated=was_closed)
    _refuse_unaudited(release, audited, after)
    if previous and before == after and previous.completeness == release.completeness:
        return Published("unchanged", previous.version)
    _record(connection, release, version, after)
    if previous and was_closed:
        _keep_measures(connection, release, "after")
        _restate(connection, release, previous, version)
    return Published("restated" if was_closed else "published", version)


def _keep_measures(connection: psycopg.Connection, release: Release, moment: str) -> None:
    execute(connection, statement(MEASURES), {"hour_utc": release.hour, "moment": moment})


def _replace(
    connection: psycopg.Connection, release: Release, version: int, *, is_restated: bool
) -> dict[Mart, Content]:
    """By the rows that the quality gates have looked at."""
    execute(connection, statement(DIM_PRODUCT), {"hour_utc": release.hour})
    for mart in reversed(MARTS):
        connection.execute(
            sql.SQL("delete from {} where {}").format(mart.table, in_hour(mart)), {"hour": release.hour}
        )
    for mart in MARTS:
        _copy_staged(connection, mart, release, version, is_restated=is_restated)
    return {mart: content(connection, mart, release.hour) for mart in MARTS}


def _copy_staged(
    connection: psycopg.Connection, mart: Mart, release: Release, version: int, *, is_restated: bool
) -> None:
    publication = {
        "as_of": release.as_of,
        "completeness": release.completeness,
        "version": version,
        "is_restated": is_restated,
    }
    columns = columns_of(connection, mart.table)
    values = (sql.Placeholder(name) if name in publication else sql.Identifier(name) for name in columns)
    copy = sql.SQL("insert into {mart} ({names}) select {values} from {staged} where {hour}").format(
        mart=mart.table,
        names=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(values),
        staged=staged(mart.name),
        hour=in_hour(mart),
    )
    connection.execute(copy, {"hour": release.hour, **publication})


def _record(
    connection: psycopg.Connection, release: Release, version: int, contents: dict[Mart, Content]
) -> None:
    seconds = round(time.monotonic() - release.began, 3)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into marts.publications (mart, hour_utc, version, as_of, source_versions, row_count,"
            " amount_cents, content_hash, completeness, batch_id, run_id, publish_seconds)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (mart.name, release.hour, version, release.as_of, Jsonb(release.source_versions), *held,
                 release.completeness, release.batch_id, release.run_id, seconds)
                for mart, held in contents.items()
            ],
        )  # fmt: skip


def _restate(connection: psycopg.Connection, release: Release, previous: Publication, version: int) -> None:
    is_late = release.ledger.last_batch_id > previous.batch_id
    seen = "late orders" if is_late else "the lake or the mart differed from its publication"
    binds = {
        "hour_utc": release.hour,
        "version": version,
        "reason": release.reason or seen,
        "run_id": release.run_id,
    }
    execute(connection, statement(RESTATEMENTS), binds)
