"""
What a promise is counted from. Registered with Airflow by plugins/saleslake_deadlines.py, since its scheduler
makes the deadlines.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow.sdk.definitions.deadline import BaseDeadlineReference, deadline_reference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@deadline_reference
class ScheduledTime(BaseDeadlineReference):
    """
    The moment a scheduled run was due, or was made, when that was later: an Airflow that was off, or is new,
    does not begin with an alarm. Runs by hand and backfills have no deadline: nobody promised when their turn
    comes.

    Airflow's own DAGRUN_QUEUED_AT is not for a DAG that is ever cleared: Airflow 3.3 answers 500 to whoever
    clears a run that has such a deadline (apache/airflow#70368).
    """

    required_kwargs = frozenset({"dag_id", "run_id"})

    def _evaluate_with(self, *, session: "Session", dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from airflow.utils.types import DagRunType
        from sqlalchemy import select

        its_run = select(DagRun.run_after, DagRun.run_type).where(
            DagRun.dag_id == dag_id, DagRun.run_id == run_id
        )
        due, run_type = session.execute(its_run).one()
        return max(due, datetime.now(UTC)) if run_type == DagRunType.SCHEDULED else None
