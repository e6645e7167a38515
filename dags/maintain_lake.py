"""
### Keep the lake's tables cheap to read

The stream commits a small file per table every two seconds. This run counts the files of every day of every
table, plans which days to compact and why, and asks the lake writer to do it, one day of one table at a time,
between two batches. The writer proves that rows and content are what they were.

Then it looks at the files that no version of the last seven days needs. If there are many, it **asks for an
approval** (task `approve`, with the list) and has the writer delete them (VACUUM), which proves again that
nothing else is gone. Rejected, or not answered within ten hours: nothing is deleted, and the run is green.
Nobody is asked about nothing; compacting does not wait for the answer.

| param | means |
|---|---|
| `dry_run` | the plan only; no table is touched |
| `tables` | only these; none: all |

Thresholds and the policy about deleting (`maintenance.vacuum_policy`: `ask`, `allow`, `never`) are settings.
Runs by itself every four hours, since every file of the running day makes every batch a little longer; only
the run of the night deletes or asks, and the next ones do not wait for the answer. **Safe to rerun** and to
stop at any moment: what was done stays so, a new run plans what is left. The XComs `return_value` have the
plan and what became of each step, and Markdown in `summary`.

**If it is red**, steps before the one that failed are done, and no row has changed: read the last line of the
log, then docs/runbooks/maintain_lake.md.
"""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import CronTriggerTimetable, Param, TriggerRule, chain, dag, get_current_context, task

from include.dag_defaults import DEFAULT_ARGS, NOT_AT_ONCE
from lake.tables import TABLES

NIGHT = 2  # the hour, UTC, of the run that may delete
FOUR_HOURLY = CronTriggerTimetable(f"30 {NIGHT}-23/4 * * *", timezone="UTC", run_immediately=NOT_AT_ONCE)
# From the night's run to the end of somebody's morning.
ANSWERED_WITHIN = timedelta(hours=10)
TABLE_NAMES = [table.full_name for table in TABLES]
NEXT_TASK = {"ask": "approve", "delete": "delete", "summarize": "summarize"}
PARAMS = {
    "dry_run": Param(default=False, type="boolean", title="Dry run", description="Plan only."),
    "tables": Param(
        default=[],
        type="array",
        items={"type": "string", "enum": TABLE_NAMES},
        examples=TABLE_NAMES,
        title="Tables",
        description="Only these. Empty: all.",
    ),
}


@dag(
    schedule=FOUR_HOURLY,
    catchup=False,
    # The run of the night, and some by hand, may wait for their answers while others compact.
    max_active_runs=6,
    is_paused_upon_creation=False,
    default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(hours=4)},
    dagrun_timeout=timedelta(hours=20),
    params=PARAMS,
    doc_md=__doc__,
    tags=["layer:bronze", "layer:silver", "layer:gold", "runbook:maintain_lake"],
)
def maintain_lake() -> None:
    # The imports bring pyarrow and the database driver: not while the file is parsed.
    @task
    def plan() -> dict[str, Any]:
        from include.maintenance.task import plan_for_run

        context = get_current_context()
        run = context["dag_run"]
        is_daytime = run.run_type.value == "scheduled" and run.run_after.hour != NIGHT
        return plan_for_run(context["params"], may_delete=not is_daytime)

    @task(max_active_tis_per_dag=1)
    def compact() -> dict[str, Any]:
        from include.maintenance.task import compact_for_run

        context = get_current_context()
        return compact_for_run(context["dag_run"].run_id, context["params"])

    @task.branch
    def may_delete() -> str:
        return NEXT_TASK[given("plan")["next"]]

    # A person who rejects says what to do, so `delete` is skipped and nothing has failed.
    approve = ApprovalOperator(
        task_id="approve",
        subject="Delete files that no version of the lake's tables within their retention needs?",
        body="{{ ti.xcom_pull(task_ids='plan')['question'] }}",
        defaults=ApprovalOperator.REJECT,
        response_timeout=ANSWERED_WITHIN,
        execution_timeout=None,
    )

    @task(trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    def delete() -> dict[str, Any]:
        from include.maintenance.task import delete_for_run

        return delete_for_run(get_current_context()["dag_run"].run_id, given("plan"))

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def summarize() -> dict[str, Any]:
        from include.maintenance.task import summarize_run

        return summarize_run(*map(given, ("plan", "compact", "delete")))

    branch, deleted, end = may_delete(), delete(), summarize()
    chain(plan(), compact(), branch)
    chain(branch, approve, deleted, end)
    chain(branch, deleted)
    chain(branch, end)


def given(task_id: str) -> Any:
    """What a task of this run handed back; None if it was skipped."""
    return get_current_context()["ti"].xcom_pull(task_ids=task_id)


maintain_lake()
