"""What every DAG shares: imported, never retyped. The parameters of a DAG stand in the DAG."""

from datetime import UTC, datetime, timedelta
from typing import Any

from include.task_callbacks import (
    task_failed,
    task_failed_for_partition,
    task_succeeded,
    task_succeeded_for_partition,
)

OWNER = "data-platform"
START = datetime(2026, 1, 1, tzinfo=UTC)
SALES_CONNECTION = "sales"
SPARK_CONNECTION = "spark"
# For heavy work in DAGs without a start date: Airflow makes up for nothing when it starts. Otherwise
# it makes the last run at once while a tenth of the interval has not passed since, whatever `catchup` says.
NOT_AT_ONCE = timedelta(0)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "execution_timeout": timedelta(minutes=30),
    # A failed task is an incident until a later run succeeds.
    "on_failure_callback": task_failed,
    "on_success_callback": task_succeeded,
}
# Where a later run is about something else: until the same partition succeeds.
BY_PARTITION: dict[str, Any] = {
    "on_failure_callback": task_failed_for_partition,
    "on_success_callback": task_succeeded_for_partition,
}
