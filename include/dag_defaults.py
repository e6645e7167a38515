"""What every DAG shares: imported, never retyped. The parameters of a DAG stand in the DAG."""

from datetime import UTC, datetime, timedelta
from typing import Any

OWNER = "data-platform"
START = datetime(2026, 1, 1, tzinfo=UTC)
SALES_CONNECTION = "sales"

DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "execution_timeout": timedelta(minutes=30),
}
