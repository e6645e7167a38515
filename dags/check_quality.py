"""
### Check the lake against its suites

Looks at a closed hour of bronze, silver, rejected and gold with the suites of `include/expectations`, and
publishes nothing. **Safe to rerun**: it reads the lake and adds rows to `ops.quality_results`.

| run | checks |
|---|---|
| scheduled, twenty past each hour | the hour before |
| backfill | the hours in the window |
| on demand | the last closed hour, or `hours` |

In bronze and rejected an hour is what arrived in it, in silver and gold what was ordered in it. Expectations
of severity `fail` make the run red, those of severity `warn` are shown. The button *Data Docs* of the task
leads to what was looked at; docs/contracts/quality.md has every expectation, and why.

**If it is red**, numbers in the lake are not as they should be, and publish_marts does not publish the hour:
read the last line of the log, then docs/runbooks/check_quality.md. **Skipped** is normal right after a start.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronPartitionTimetable, Param, dag, get_current_context, task

from include.dag_defaults import BY_PARTITION, DEFAULT_ARGS, NOT_AT_ONCE
from include.data_docs_link import link_data_docs
from include.publish.request import HOUR_PATTERN, PARTITION_KEY_FORMAT

# Five minutes after publish_marts has read the same hour.
HOURLY = CronPartitionTimetable(
    "20 * * * *",
    timezone="UTC",
    run_offset=-1,
    key_format=PARTITION_KEY_FORMAT,
    run_immediately=NOT_AT_ONCE,
)
PARAMS = {
    "hours": Param(
        default=None,
        type=["null", "array"],
        items={"type": "string", "pattern": HOUR_PATTERN},
        maxItems=200,
        title="Hours",
        description="Hours to check, one per line, like 2026-11-23T08:00Z. Empty: the last closed hour;"
        " in a backfill the hours of its window.",
    ),
}


@dag(
    schedule=HOURLY,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=DEFAULT_ARGS | BY_PARTITION,
    dagrun_timeout=timedelta(hours=2),
    params=PARAMS,
    doc_md=__doc__,
    tags=["layer:bronze", "layer:silver", "layer:gold", "runbook:check_quality"],
)
def check_quality() -> None:
    @task
    def check_hours() -> dict[str, Any]:
        # Brings pandas and Great Expectations: not while the file is parsed.
        from include.quality.task import check_for_run

        context = get_current_context()
        run = context["dag_run"]
        return check_for_run(
            run_id=run.run_id,
            run_type=run.run_type.value,
            partition_key=run.partition_key,
            params=context["params"],
        )

    link_data_docs(check_hours())


check_quality()
