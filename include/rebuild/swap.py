"""The hours that differ, swapped in by the lake writer, one after the other."""

import logging
from datetime import timedelta

from include.errors import RebuildFailed, RebuildRefused, TableRequestFailed, TableRequestRefused
from include.rebuild.comparison import Difference
from include.rebuild.record import Rebuild
from include.table_requests import Connecting, ReplaceHours, ask, await_outcome

log = logging.getLogger(__name__)
HOUR = timedelta(hours=1)
# Of an earlier try with the same comparison.
DONE = """
select (arguments ->> 'since')::timestamptz
from ops.table_requests as request join ops.hour_rebuilds as rebuild on rebuild.name = arguments ->> 'shadow'
where request.kind = 'replace_hours' and request.state = 'done' and request.requested_by = %s
  and rebuild.name = %s and request.requested_at >= rebuild.compared_at
"""


def swap(connecting: Connecting, rebuild: Rebuild, *, by: str, hour_seconds: float) -> list[Difference]:
    """
    Swap every hour that differs; the stream goes on between two hours. Twice is once, and goes on where an
    earlier try ended.

    Args:
        hour_seconds: how long to wait for the lake writer to do one hour.

    Raises:
        RebuildRefused: an hour is no longer what was compared, or would contradict the ledger.
        RebuildFailed: the lake writer failed, or did not come to it in time. Hours before are swapped.
    """
    differences = rebuild.compared.differences
    with connecting() as connection:
        done = {hour for (hour,) in connection.execute(DONE, [by, rebuild.name])}
    for number, one in enumerate(differences, start=1):
        if one.hour in done:
            continue
        with connecting() as connection:
            request = ask(connection, _request(rebuild, one), by=by)
        try:
            outcome = await_outcome(connecting, request, seconds=hour_seconds)
        except TableRequestFailed as error:
            kind = RebuildRefused if _is_refusal(error) else RebuildFailed
            raise kind(
                f"Swapping hour {one.hour:%Y-%m-%dT%H:%MZ}, {number} of {len(differences)}: {error}"
                f" The {number - 1} hours before it are swapped, and published by the next run of"
                " publish_marts: docs/runbooks/rebuild_hours.md."
            ) from error
        log.info(
            "Hour %s, %s of %s: %s", f"{one.hour:%Y-%m-%dT%H:%MZ}", number, len(differences), outcome.result
        )
    return differences


def _request(rebuild: Rebuild, one: Difference) -> ReplaceHours:
    compared = {name: of_table.content for name, of_table in one.tables.items()}
    return ReplaceHours(rebuild.name, one.hour, one.hour + HOUR, rebuild.up_to, compared)


def _is_refusal(error: TableRequestFailed) -> bool:
    """The lake writer refused, in words that come back as text."""
    return isinstance(error, TableRequestRefused) or "No table was changed" in str(error)
