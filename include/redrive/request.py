"""What a run of `replay_rejected` asks for. No lake, no database: the DAG file imports it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from include.errors import RedriveRefused
from include.redrive.fixes import FIXES, NO_FIX
from lake.contract import REASONS

FIX_NAMES = (NO_FIX, *FIXES)
REASON_CODES = REASONS
DEFAULT_LIMIT, MAX_LIMIT = 1_000, 50_000


class Request(NamedTuple):
    """
    Quarantined records whose reasons are all among `reasons`: one with another reason would only come back.

    `since` and `until` are times of arrival, `until` excluded. `again` takes copies of earlier re-drives, and
    records the broker refused, too.
    """

    run_id: str
    reasons: frozenset[str]
    since: datetime | None = None
    until: datetime | None = None
    fix: str = NO_FIX
    dry_run: bool = True
    limit: int = DEFAULT_LIMIT
    again: bool = False


def request_of(run_id: str, params: Mapping[str, Any]) -> Request:
    """
    Without reasons a dry run looks at all of them; a run that sends must name them.

    Raises:
        RedriveRefused: a name is unknown, a time is none, or the reasons are missing.
    """
    task = f"Reading what run {run_id} asks for"
    reasons = [name for name in params.get("reasons") or () if name.strip()]
    fix, dry_run = params.get("fix") or NO_FIX, bool(params.get("dry_run", True))
    if unknown := sorted(set(reasons) - set(REASONS)):
        raise RedriveRefused(
            f"{task}: {', '.join(unknown)} is no reason code. Nothing was sent."
            " docs/contracts/orders.md lists the codes."
        )
    if fix not in FIX_NAMES:
        raise RedriveRefused(
            f"{task}: there is no fix {fix!r}. Nothing was sent. The fixes are {', '.join(FIX_NAMES)}."
        )
    if not reasons and not dry_run:
        raise RedriveRefused(
            f"{task}: it shall send, but names no reasons. Nothing was sent. Name the reasons whose"
            " rule was relaxed or whose cause the fix removes."
        )
    since, until = _instant(params.get("from"), task), _instant(params.get("to"), task)
    if since and until and until <= since:
        raise RedriveRefused(f"{task}: its time ends before it begins. Nothing was sent. Correct it.")
    return Request(
        run_id,
        frozenset(reasons or REASONS),
        since,
        until,
        fix,
        dry_run,
        _limit(params.get("limit"), task),
        bool(params.get("again", False)),
    )


def _instant(text: str | None, task: str) -> datetime | None:
    """A time without a zone is UTC."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise RedriveRefused(
            f"{task}: {text!r} is no time like 2026-11-23T08:00:00Z. Nothing was sent. Correct it."
        ) from error
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)


def _limit(given: int | None, task: str) -> int:
    limit = DEFAULT_LIMIT if given is None else given
    if not 1 <= limit <= MAX_LIMIT:
        raise RedriveRefused(
            f"{task}: limit {limit} is not between 1 and {MAX_LIMIT}. Nothing was sent. Correct it."
        )
    return limit
