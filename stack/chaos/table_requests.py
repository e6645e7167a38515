"""What the walk asks of the lake's tables, and what became of it."""

import subprocess
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

import psycopg

from include.sales_db import connect
from include.settings import PROJECT_ROOT
from include.table_requests import Optimize, ask
from lake.tables import TABLES
from stack.chaos.stand import Stand
from stack.supervisor import environment

# A rebuild waits for the writer, which may be down or replay batches.
REBUILT_WITHIN_SECONDS = 600
SETTLED_WITHIN_SECONDS = 120
UNSETTLED = """
select request_id, kind, state, detail
from ops.table_requests
where state <> 'done' and detail not like '%No space left on device%'
order by request_id
"""


class TableRequests:
    """
    Asks at any moment: the lake writer comes to it between two batches, or after the next fault. Judged when
    everything is healed.
    """

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._rebuilds: list[subprocess.Popen[bytes]] = []

    def optimize(self, table: str) -> int | None:
        """The number of the request; None when PostgreSQL did not take it."""
        what = Optimize({known.full_name: known for known in TABLES}[table])
        with suppress(psycopg.Error), self._connected() as connection:
            return ask(connection, what, by="chaos")
        return None

    def replace_hours(self, hours_back: int) -> None:
        """Begin to rebuild an hour beside the stream; its swap is awaited by `settle`."""
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        since = now - timedelta(hours=hours_back)
        hours = [since.isoformat(), (since + timedelta(hours=1)).isoformat()]
        command = [sys.executable, "-m", "spark.batch.rebuild_hours", *hours, "--replace"]
        with self._stand.folder.log("chaos-rebuild").open("a") as log:
            process = subprocess.Popen(  # noqa: S603
                command, env=environment(self._stand.folder), cwd=PROJECT_ROOT, stdout=log, stderr=log
            )
        self._rebuilds.append(process)

    def settle(self) -> list[str]:
        """
        Wait until what was asked is done, on a healthy stack; returns what is not.

        A rebuild that met a dead server has asked for nothing, and may; what met a full disk has failed, and
        said so.
        """
        self.end(within_seconds=REBUILT_WITHIN_SECONDS)
        deadline = monotonic() + SETTLED_WITHIN_SECONDS
        while (left := self._unsettled()) and monotonic() < deadline:
            sleep(0.5)
        return left

    def end(self, *, within_seconds: float = 0) -> None:
        """No rebuild is left running."""
        for process in self._rebuilds:
            with suppress(subprocess.TimeoutExpired):
                process.wait(within_seconds)
            process.kill()
            process.wait()

    def carried_out(self) -> int:
        """How many requests are done."""
        with self._connected() as connection:
            done = connection.execute("select count(*) from ops.table_requests where state = 'done'")
            return int(done.fetchone()[0])  # type: ignore[index]

    def _unsettled(self) -> list[str]:
        with self._connected() as connection:
            rows = connection.execute(UNSETTLED).fetchall()
        return [f"table request {number} ({kind}) is {state}: {said}" for number, kind, state, said in rows]

    def _connected(self) -> closing[psycopg.Connection]:
        return closing(connect(self._stand.settings.postgres, application_name="chaos", autocommit=True))
