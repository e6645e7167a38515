"""
### Publish the sales marts

Each run makes the tables of schema `marts` hold what the lake holds for an hour, after a gate has compared
the lake writer's ledger, silver and gold to the cent, and the suites of `include/expectations` have looked at
silver, gold and the marts to be. One hour is one transaction: readers see the old numbers or the new ones.
**Safe to rerun**: equal content is left untouched.

| run | publishes |
|---|---|
| scheduled, a quarter past each hour | the hour before, and every closed hour that late orders changed |
| backfill | the hours in the window, nothing else: 08:00 to 11:00 is the hours 8, 9 and 10 |
| on demand | every hour that changed since it was published; an hour still open is marked provisional |
| on demand with `hours` | those hours |

A changed number of an hour that was already closed is written down in `marts.restatements`. Only
a run that published or restated an hour makes an event of the asset `sales_marts`, also one that failed for
other hours.

A scheduled run that is not done 20 minutes after it was due opens an incident (`ops.incidents`, kind
`deadline`).

**If it is red**, the marts still hold the last good version of the hours that failed. Read the error at the
end of the task's log, then docs/runbooks/publish_marts.md. The task's XCom `return_value` lists the
hours, and its button *Data Docs* leads to what the suites looked at. **Skipped** is normal right after a
start: the lake writer has not closed its first batch yet.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronPartitionTimetable, Param, dag, get_current_context, task
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert

from include.dag_defaults import DEFAULT_ARGS, START
from include.data_docs_link import link_data_docs
from include.deadlines import ScheduledTime
from include.publish.event import say_what_changed
from include.publish.request import HOUR_PATTERN, PARTITION_KEY_FORMAT
from include.task_callbacks import deadline_missed

# Five minutes after the grace of ten. The offset names the run of 12:15 after hour 11, which it publishes.
HOURLY = CronPartitionTimetable("15 * * * *", timezone="UTC", run_offset=-1, key_format=PARTITION_KEY_FORMAT)
# Reports say when an hour was published. Later than this, somebody is told before an analyst asks.
PUBLISHED_WITHIN = timedelta(minutes=20)
PARAMS = {
    "hours": Param(
        default=None,
        type=["null", "array"],
        items={"type": "string", "pattern": HOUR_PATTERN},
        maxItems=1000,
        title="Hours",
        description="Hours to publish, one per line, like 2026-11-23T08:00Z. Empty: every hour that changed;"
        " in a backfill the hours of its window.",
    ),
    "reason": Param(
        default=None,
        type=["null", "string"],
        maxLength=500,
        title="Reason",
        description="Why named hours are published again, for `marts.restatements`. Empty: late orders.",
    ),
    "dry_run": Param(
        default=False, type="boolean", title="Dry run", description="Run the gate and publish nothing."
    ),
}


@dag(
    schedule=HOURLY,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=DEFAULT_ARGS,
    dagrun_timeout=timedelta(hours=2),
    deadline=DeadlineAlert(
        name="published in time",
        reference=ScheduledTime(),
        interval=PUBLISHED_WITHIN,
        callback=AsyncCallback(
            deadline_missed, kwargs={"within_minutes": PUBLISHED_WITHIN / timedelta(minutes=1)}
        ),
    ),
    params=PARAMS,
    doc_md=__doc__,
    tags=["layer:marts", "runbook:publish_marts"],
)
def publish_marts() -> None:
    @task
    def publish_hours() -> dict[str, Any]:
        # Brings pyarrow, deltalake and the database driver: not while the file is parsed.
        from include.publish.task import publish_for_run

        context = get_current_context()
        run = context["dag_run"]
        return publish_for_run(
            dag_id=run.dag_id,
            run_id=run.run_id,
            run_type=run.run_type.value,
            partition_key=run.partition_key,
            params=context["params"],
        )

    published = publish_hours()
    link_data_docs(published)
    say_what_changed(published)


publish_marts()
