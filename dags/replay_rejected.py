"""
### Send quarantined records again

After a rule was relaxed, a time has come or a fix was written, records in `silver.rejected` may be good. A
run sends them through Kafka again: with their key and headers, and the header `saleslake-redrive` that names
the position of the original. The lake writer judges the copies like every other record; an order enters
silver once.

| param | means |
|---|---|
| `dry_run` | on by default: counts and samples, nothing is sent |
| `reasons` | records all of whose reasons are among these; a run that sends must name them |
| `from`, `to` | time of arrival in Kafka, UTC, `to` excluded |
| `fix` | a change to the bytes; records that it does not change are left out |
| `limit` | at most so many records, the oldest first |
| `again` | also copies that were quarantined again, and what the broker refused |

Each record is sent once, however often this runs: `ops.redriven` has the audit. **Safe to rerun**, also after
a kill. The XCom `return_value` has the counts, and Markdown in `summary`.

**If it is red**, what was sent is marked and what was not is not: read the last line of the log, then
docs/runbooks/replay_rejected.md.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from include.dag_defaults import DEFAULT_ARGS, START
from include.redrive.request import DEFAULT_LIMIT, FIX_NAMES, MAX_LIMIT, REASON_CODES

PARAMS = {
    "dry_run": Param(default=True, type="boolean", title="Dry run", description="Count and show only."),
    "reasons": Param(
        default=[],
        type="array",
        items={"type": "string", "enum": list(REASON_CODES)},
        examples=list(REASON_CODES),
        title="Reasons",
        description="Records all of whose reasons are among these. Empty: all of them, in a dry run only.",
    ),
    "from": Param(
        default=None, type=["null", "string"], format="date-time", title="From",
        description="Arrived in Kafka at or after this time, UTC.",
    ),
    "to": Param(
        default=None, type=["null", "string"], format="date-time", title="To",
        description="Arrived before this time, UTC.",
    ),
    "fix": Param(
        default=FIX_NAMES[0],
        type="string",
        enum=list(FIX_NAMES),
        title="Fix",
        description="A change to the bytes; records that it does not change are left out.",
    ),
    "limit": Param(
        default=DEFAULT_LIMIT, type="integer", minimum=1, maximum=MAX_LIMIT, title="Limit",
        description="At most so many records, the oldest first.",
    ),
    "again": Param(
        default=False, type="boolean", title="Again",
        description="Also copies that were quarantined again, and what the broker refused.",
    ),
}  # fmt: skip


@dag(
    schedule=None,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=DEFAULT_ARGS,
    dagrun_timeout=timedelta(hours=2),
    params=PARAMS,
    doc_md=__doc__,
    tags=["layer:silver", "runbook:replay_rejected"],
)
def replay_rejected() -> None:
    @task
    def send_again() -> dict[str, Any]:
        # Brings pyarrow, Kafka's client and the database driver: not while the file is parsed.
        from include.redrive.task import replay_for_run

        context = get_current_context()
        return replay_for_run(context["dag_run"].run_id, context["params"])

    send_again()


replay_rejected()
