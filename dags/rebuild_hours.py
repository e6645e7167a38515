"""
### Rebuild hours from bronze while orders stream

Makes the orders of some hours of silver and gold anew from bronze, beside the stream, and holds them
against what the stream has, hour by hour and row by row. Equal: that is recorded, and nothing else happens.
Different: somebody approves the swap here in the UI, the lake writer swaps the hours between two batches, and
their marts are published again; what readers had seen before is in `marts.restatements`.

| run | rebuilds |
|---|---|
| scheduled, every night | yesterday: a standing proof that a rebuild equals the stream |
| backfill | the days of the window, one after the other |
| on demand | the hours from `since` to `until` (not included); without them, yesterday |

| param | means |
|---|---|
| `dry_run` | compare and record only; nobody is asked, no table is touched |

**Safe to rerun** and to stop at any moment. Orders that arrive for these hours meanwhile are kept. What was
compared is in `ops.hour_rebuilds`, and as Markdown in the XCom `summary` of `compare`.

**If it is red**, no table was changed, or only hours that were approved: the last line of the log says which.
What was swapped is published by the next run of `publish_marts`, in any case.
Then docs/runbooks/rebuild_hours.md. **Waiting for approval** is not red: see *Required actions*.
"""

from datetime import timedelta
from functools import partial
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import CronPartitionTimetable, Param, dag, get_current_context, task, teardown

from include.dag_defaults import BY_PARTITION, DEFAULT_ARGS, NOT_AT_ONCE, SPARK_CONNECTION
from include.rebuild.request import HOUR_PATTERN, PARTITION_KEY_FORMAT, YES
from include.task_callbacks import task_succeeded_for_partition

# Early in the morning, for the day that is over.
DAILY = CronPartitionTimetable(
    "30 3 * * *",
    timezone="UTC",
    run_offset=-1,
    key_format=PARTITION_KEY_FORMAT,
    run_immediately=NOT_AT_ONCE,
)
HOUR: dict[str, Any] = {"type": ["null", "string"], "pattern": HOUR_PATTERN}
PARAMS = {
    "since": Param(
        default=None, title="Since", description="The first hour, UTC: 2026-11-23T08:00Z.", **HOUR
    ),
    "until": Param(default=None, title="Until", description="The first hour after the last.", **HOUR),
    "dry_run": Param(default=False, type="boolean", title="Dry run", description="Compare and record only."),
}


@task
def plan() -> dict[str, Any]:
    from include.rebuild.task import plan_for_run

    context = get_current_context()
    run = context["dag_run"]
    return plan_for_run(
        run_id=run.run_id,
        run_type=run.run_type.value,
        partition_key=run.partition_key,
        params=context["params"],
    )


@task(on_success_callback=partial(task_succeeded_for_partition, also=("swap", "publish")))
def compare(job: dict[str, Any]) -> dict[str, Any]:
    from include.rebuild.task import compare_for_run

    return compare_for_run(job)


@task.short_circuit
def differs(found: dict[str, Any]) -> bool:
    """Neither a swap nor its approval when there is nothing to swap."""
    return found["asks"]


# One at a time: each waits for the lake writer, hour by hour.
@task(max_active_tis_per_dag=1, execution_timeout=timedelta(hours=12))
def swap(job: dict[str, Any], approval: dict[str, Any]) -> dict[str, Any]:
    """Skipped, and the publish behind it, when the answer was no."""
    from include.rebuild.task import swap_for_run

    return swap_for_run(job, approval, get_current_context()["dag_run"].run_id)


@teardown
def clean_up(job: dict[str, Any]) -> None:
    from include.rebuild.task import clean_up_after_run

    clean_up_after_run(job)


@dag(
    schedule=DAILY,
    catchup=False,
    # A night's question may wait for days; the nights after it are compared all the same.
    max_active_runs=16,
    is_paused_upon_creation=False,
    default_args=DEFAULT_ARGS | BY_PARTITION,
    params=PARAMS,
    doc_md=__doc__,
    tags=["layer:silver", "layer:gold", "runbook:rebuild_hours"],
)
def rebuild_hours() -> None:
    # XComs stand for what they will be.
    job: Any = plan()
    rebuild = SparkSubmitOperator(
        task_id="rebuild",
        conn_id=SPARK_CONNECTION,
        name="saleslake rebuild hours",
        application="{{ ti.xcom_pull(task_ids='plan')['application'] }}",
        application_args=job["arguments"],
        conf=job["conf"],
        env_vars=job["environment"],
        # Two at a time would only take the machine from the stream, and from each other.
        max_active_tis_per_dag=1,
        execution_timeout=timedelta(hours=6),
        retries=1,
    )
    found: Any = compare(job)
    # Not an ApprovalOperator: it hands on no answer but a yes, and who said no would be lost.
    approve = HITLOperator(
        task_id="approve",
        options=[YES, "Reject"],
        subject="Swap hours {{ ti.xcom_pull(task_ids='plan')['hours'] }} for what bronze says?",
        body="{{ ti.xcom_pull(task_ids='compare')['summary'] }}",
        defaults="Reject",
        response_timeout=timedelta(days=7),
        execution_timeout=None,
    )
    approval: Any = approve.output
    swapped: Any = swap(job, approval)
    publish = TriggerDagRunOperator(
        task_id="publish",
        trigger_dag_id="publish_marts",
        conf={"hours": swapped["hours"], "reason": swapped["reason"]},
        wait_for_completion=True,
        poke_interval=5,
        # Not in a worker's slot, which the run that it waits for needs, too.
        deferrable=True,
        execution_timeout=timedelta(hours=12),
        fail_when_dag_is_paused=True,
    )
    end = clean_up(job)
    rebuild >> found
    differs(found) >> approve >> swapped >> publish >> end


rebuild_hours()
