"""
### Publish hours as they close

Follows the asset `closed_hours`: publishes every hour that is complete and whose marts are not what the
ledger says, also one that late orders reopened, which is then restated. The gates are those of
`publish_marts`, and so is the way of publishing: hour by hour, each in one transaction. Several events that
came together make one run. The button *Data Docs* of its task leads to what the suites looked at.
**Safe to rerun**: equal content is left untouched.

To publish hours on demand or in a backfill, use `publish_marts`.

**If it is red**, the marts still hold the last good version of the hours that failed. Read the error at the
end of the task's log, then docs/runbooks/publish_closed_hours.md.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, dag, get_current_context, task

from include.assets import CLOSED_HOURS
from include.dag_defaults import DEFAULT_ARGS, START
from include.data_docs_link import link_data_docs
from include.publish.event import say_what_changed

# A run reads the ledger, which knows of every hour: one run does for all events that wait.
TOGETHER = FixedKeyMapper("closed hours")


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
        partition_key=None,
        params=context["params"],
    )


@dag(
    schedule=PartitionedAssetTimetable(assets=CLOSED_HOURS, default_partition_mapper=TOGETHER),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=DEFAULT_ARGS,
    dagrun_timeout=timedelta(hours=2),
    doc_md=__doc__,
    tags=["layer:marts", "runbook:publish_closed_hours"],
)
def publish_closed_hours() -> None:
    published = publish_hours()
    link_data_docs(published)
    say_what_changed(published)


publish_closed_hours()
