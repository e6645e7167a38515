"""
### Supervise the streams

Every minute: is the lake writer making progress? Judged by its heartbeat, the age of its last batch against
the records that wait in Kafka, its own word and the ledger; not by "the process is there". A stuck or dead
writer is restarted through the process manager, not while it is still starting, with growing waits, and no
more once restarts do not help. Also measured: where the lag goes, freshness, the share of quarantined
records, how long batches take, the books over all time.

| severity | the run is | means |
|---|---|---|
| ok | green | nothing |
| warning | green, `severity` in the XCom | worth knowing; nothing is to be done, or it is being done |
| critical | red | a person must act |

The stream does not depend on this DAG: the process manager restarts a writer that dies, and the watchdog
beside it (`stream-watchdog`) judges by the same rules every few seconds. This DAG shows what is seen, and
watches where the watchdog itself is gone. Of the two one acts.

What was seen and done: the XCom `return_value` (table in `summary`), the task's log, `ops.incidents` (what is
or was wrong, from when to when, who was told) and, for restarts, `ops.stream_restarts`.

**If it is red**, a person is needed: the writer was stopped on purpose, restarts did not help, the ledger has
a hole, most records are quarantined, or the database or the process manager does not answer. The log says
which; then see docs/runbooks/supervise_streams.md. **To work on the writer**, pause this DAG first.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task

from include.dag_defaults import DEFAULT_ARGS, START


@dag(
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    # The next run comes in a minute and looks afresh: a late retry would only judge what is over.
    default_args={**DEFAULT_ARGS, "retries": 1, "retry_delay": timedelta(seconds=5)},
    dagrun_timeout=timedelta(minutes=5),
    doc_md=__doc__,
    tags=["layer:ops", "runbook:supervise_streams"],
)
def supervise_streams() -> None:
    @task(execution_timeout=timedelta(minutes=3))
    def supervise_orders() -> dict[str, Any]:
        # Brings the database driver: not while the file is parsed.
        from include.supervise_task import supervise_for_run

        return supervise_for_run(get_current_context()["dag_run"].run_id)

    supervise_orders()


supervise_streams()
