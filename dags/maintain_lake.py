"""
### Keep the lake's tables cheap to read

The stream commits a small file per table every two seconds. This run counts the files of every day of every
table, plans which days to compact and why, and asks the lake writer to do it, one day of one table at a time,
between two batches. The writer proves that rows and content are what they were.

| param | means |
|---|---|
| `dry_run` | the plan only; no table is touched |
| `tables` | only these; none: all |

Thresholds are settings (`maintenance.*`). Runs by itself every night. **Safe to rerun** and to stop at any
moment: what was compacted stays so, a new run plans what is left. The XCom `return_value` has the plan and
what became of each step, and Markdown in `summary`.

**If it is red**, steps before the one that failed are done, and no row has changed: read the last line of the
log, then docs/runbooks/maintain_lake.md.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from include.dag_defaults import DEFAULT_ARGS, START
from lake.tables import TABLES

TABLE_NAMES = [table.full_name for table in TABLES]
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
    schedule="30 2 * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(hours=4)},
    dagrun_timeout=timedelta(hours=6),
    params=PARAMS,
    doc_md=__doc__,
    tags=["layer:bronze", "layer:silver", "layer:gold", "runbook:maintain_lake"],
)
def maintain_lake() -> None:
    @task
    def compact() -> dict[str, Any]:
        # Brings pyarrow and the database driver: not while the file is parsed.
        from include.maintenance.task import maintain_for_run

        context = get_current_context()
        return maintain_for_run(context["dag_run"].run_id, context["params"])

    compact()


maintain_lake()
