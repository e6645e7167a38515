"""From a look at the stream to its incidents."""

import psycopg

from include.incidents import Finding, close_over, open_or_update
from include.settings import AlertSettings
from include.severity import Reason
from include.stream_facts import STREAM
from include.watch import Watch

RUNBOOKS = {
    "ledger": "docs/runbooks/supervise_streams.md, 'The ledger has a hole'",
    "books": "docs/runbooks/supervise_streams.md, 'Records or cents have no place'",
    "stopped": "docs/runbooks/supervise_streams.md, 'It was stopped on purpose'",
    "stuck": "docs/runbooks/supervise_streams.md, 'It was stuck'",
    "slow": "docs/runbooks/supervise_streams.md, 'It is slow, or starting for long'",
    "lag": "docs/runbooks/supervise_streams.md, 'Orders come faster than they are read'",
    "as_of": "docs/runbooks/supervise_streams.md, 'Nothing waits, but freshness stands still'",
    "event_time": "docs/runbooks/supervise_streams.md, 'The newest order is old, or in the future'",
    "quarantine": "docs/runbooks/supervise_streams.md, 'Much is quarantined'",
    "batch_duration": "docs/runbooks/supervise_streams.md, 'Batches take long'",
    "order_index": "docs/runbooks/supervise_streams.md, 'The order index grows'",
}


def record(connection: psycopg.Connection, watch: Watch, settings: AlertSettings) -> None:
    """What the look complains of is open afterwards; what it judged and did not complain of may be over."""
    found = [_finding(reason, watch, settings) for reason in watch.complaints]
    open_or_update(connection, STREAM, found)
    over = set(watch.judged_kinds) - {finding.kind for finding in found}
    close_over(connection, STREAM, over, calm=settings.close_after_seconds)


def _finding(reason: Reason, watch: Watch, settings: AlertSettings) -> Finding:
    waits = reason.severity == "warning" and not reason.at_once
    details = {
        "health": watch.verdict.health,
        "done": watch.done,
        "pid": watch.process.pid,
        "measures": [[row.name, row.value, row.threshold, row.severity] for row in watch.measures],
    }
    patience = settings.warning_patience_seconds if waits else 0.0
    summary = f"{reason.text}. {watch.done}" if reason.at_once else f"{reason.text}."
    return Finding(reason.kind, reason.severity, summary, RUNBOOKS[reason.kind], details, patience)
