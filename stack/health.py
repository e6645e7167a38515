"""When the lake writer and Airflow are healthy: by what they say of themselves."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime

import psutil
import psycopg

from include.sales_db import connect
from include.settings import PostgresSettings

MAX_HEARTBEAT_AGE_SECONDS = 30


def stream_health(database: PostgresSettings, pid: int) -> str | None:
    """Judged by progress: the process `pid` says that it runs, and said so lately."""
    query = (
        "select state, detail, pid, extract(epoch from now() - heartbeat_at)::float"
        " from ops.stream_progress where stream = 'orders'"
    )
    try:
        with connect(database, application_name="saleslake health") as conn:
            row = conn.execute(query).fetchone()
    except psycopg.Error as error:
        return f"its progress cannot be read: {str(error).splitlines()[0]}"
    return judge_stream(row, pid)


def judge_stream(row: tuple[str, str, int, float] | None, pid: int) -> str | None:
    if row is None:
        return "has not reported yet"
    state, detail, reporter, age = row
    if reporter != pid:
        # Whoever refuses to start is gone when somebody looks: its reason is not.
        before = f"; process {reporter} failed: {detail}" if state == "failed" else ""
        return f"has not reported yet{before}"
    if state != "running":
        return f"is {state} {detail}".strip()
    return None if age <= MAX_HEARTBEAT_AGE_SECONDS else f"last heartbeat {age:.0f} s ago"


def airflow_health(url: str, component: str, pid: int) -> str | None:
    """What Airflow itself says about one of its components, the process `pid`."""
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310
            said = json.load(answer)
    except (OSError, urllib.error.URLError, ValueError):
        return "the API server does not answer yet"
    return judge_airflow(said, component, process_start(pid))


def judge_airflow(
    said: dict[str, dict[str, str | None] | None], component: str, started_at: datetime
) -> str | None:
    key = "metadatabase" if component == "api-server" else component.replace("-", "_")
    about = said.get(key) or {}
    if about.get("status") != "healthy":
        return f"reports {about.get('status') or 'nothing yet'}"
    heartbeat = about.get(f"latest_{key}_heartbeat")
    # A heartbeat of the process before this one counts as healthy for a minute after its end.
    if heartbeat and datetime.fromisoformat(heartbeat) < started_at:
        return "has not reported yet"
    return None


def process_start(pid: int) -> datetime:
    try:
        return datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
    except psutil.NoSuchProcess:
        return datetime.now(UTC)
