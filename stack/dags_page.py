"""
The DAGs as a page: `python -m stack.dags_page > docs/dags.md`. A test compares them.

Reads the DAG files as Airflow does, in a process with an Airflow home of its own and no database.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

from include.settings import PROJECT_ROOT, child_environment

HEAD = """\
# The DAGs

Written by `python -m stack.dags_page` from `dags/`; do not edit.

Times are UTC. One run of a DAG at a time, and none for the past when it is switched on. What a DAG does, its
parameters and what to do when it is red stand on its page in the Airflow UI and in its runbook. A task that
has failed for good is an incident (`ops.incidents`) until it succeeds.
"""
COLUMNS = ("DAG", "for", "runs", "parameters", "waits for", "makes", "due", "tags", "runbook")


def page(dags: Mapping[str, Any]) -> str:
    """
    The page about these DAGs.

    Args:
        dags: Airflow's DAG objects by id.
    """
    rows = (_row(dags[dag_id]) for dag_id in sorted(dags))
    head = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    return "\n".join([HEAD, *head, *(f"| {' | '.join(row)} |" for row in rows), ""])


def _row(dag: Any) -> list[str]:
    made = (name for task in dag.tasks for outlet in task.outlets for name in _asset_names(outlet))
    return [
        f"`{dag.dag_id}`",
        _title(dag.doc_md),
        _schedule(dag.timetable),
        _listed(f"`{name}`" for name in dag.params),
        _listed(f"`{name}`" for name in _asset_names(getattr(dag.timetable, "asset_condition", None))),
        _listed(f"`{name}`" for name in sorted(set(made))),
        _listed(map(_deadline, dag.deadline or ())),
        _listed(sorted(tag for tag in dag.tags if not tag.startswith("runbook:"))),
        f"[{dag.dag_id}](runbooks/{dag.dag_id}.md)",
    ]


def _title(doc: str) -> str:
    return doc.strip().splitlines()[0].lstrip("# ")


def _schedule(timetable: Any) -> str:
    from airflow.serialization.encoders import coerce_to_core_timetable

    known = coerce_to_core_timetable(timetable)
    words = known.description or known.summary
    return "on demand" if words in ("Never", "Never, external triggers only", "None") else words


def _asset_names(thing: Any) -> list[str]:
    """Of an asset, an alias, or a condition of several."""
    if thing is None:
        return []
    if objects := getattr(thing, "objects", None):
        return [name for one in objects for name in _asset_names(one)]
    name = getattr(thing, "name", None)
    return [str(name)] if name else []


def _deadline(alert: Any) -> str:
    return f"{alert.interval.total_seconds() / 60:g} min after the time of a scheduled run"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "–"


def main() -> int:
    """Print the page. The variables that Airflow reads when it is imported are set for a child of ours."""
    if sys.argv[1:] == ["--here"]:
        from airflow.dag_processing.dagbag import DagBag

        sys.stdout.write(page(DagBag(dag_folder=PROJECT_ROOT / "dags").dags))
        return 0
    with tempfile.TemporaryDirectory(prefix="saleslake-dags-") as home:
        environment = child_environment(
            AIRFLOW_HOME=home,
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW__CORE__UNIT_TEST_MODE="True",
            AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
            PYTHONPATH=str(PROJECT_ROOT),
        )
        command = [sys.executable, "-m", "stack.dags_page", "--here"]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    sys.stdout.write(done.stdout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
