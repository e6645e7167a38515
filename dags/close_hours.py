"""
### Say which hours are complete

Every five minutes: has the stream read everything that Kafka had `publish.grace_minutes` after the end of an
hour? Then the hour is complete, and an event of the asset `closed_hours` says so, with the hour as its
partition. Another event for the same hour: late orders reopened it. `publish_closed_hours` follows them.

Nothing is lost with an event: an hour that is still not published an hour later is said again, and
`publish_marts` looks for itself at a quarter past each hour. What was said is in `ops.hour_closings`.
**Skipped** is normal: no hour has closed. **Safe to rerun.**

**If it is red**, the database does not answer: read the last line of the log, then
docs/runbooks/close_hours.md.
"""

from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task

from include.assets import CLOSED_HOURS
from include.dag_defaults import DEFAULT_ARGS, START
from include.task_callbacks import task_succeeded

# An hour is complete ten minutes after its end, with the default grace: looked at a minute later, it is
# published by the time at which publish_marts looks for itself.
EVERY_FIVE_MINUTES = CronTriggerTimetable("1-56/5 * * * *", timezone="UTC")


# Skipped is as good as green: it could look.
@task(outlets=[CLOSED_HOURS], on_skipped_callback=task_succeeded)
def close() -> list[str]:
    # Brings the database driver: not while the file is parsed.
    from include.publish.task import closings_for_run

    hours = closings_for_run()
    get_current_context()["outlet_events"][CLOSED_HOURS].add_partitions(hours)
    return hours


@dag(
    schedule=EVERY_FIVE_MINUTES,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={**DEFAULT_ARGS, "retries": 1},
    doc_md=__doc__,
    tags=["layer:gold", "runbook:close_hours"],
)
def close_hours() -> None:
    close()


close_hours()
