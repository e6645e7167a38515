"""Carries out what others asked of the lake's tables, between two batches."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from threading import Event, Lock
from typing import Any

import psycopg
from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from include.errors import LakehouseError, TableDamaged, TableRequestFailed
from include.publish.owed import owe
from include.table_requests import (
    MOST_ATTEMPTS,
    Optimize,
    ReplaceHours,
    TableRequest,
    Vacuum,
    begin_next,
    fail,
    finish,
    is_any_open,
)
from lake.tables import BRONZE_ORDERS
from spark.streaming.batch import BatchWriter
from spark.streaming.compaction import optimize, prove
from spark.streaming.database import Database
from spark.streaming.delta_log import keep_versions, last_batch
from spark.streaming.durability import sync
from spark.streaming.hour_swap import replace_hours
from spark.streaming.ledger import last_closed
from spark.streaming.vacuum import prove_vacuum, refuse_while_needed, state_of, vacuum

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
Result = Mapping[str, Any]


class TableRequestDesk:
    """
    Looks for requests as long as the writer lives. For a thread of its own.

    Args:
        turn: held by whoever writes tables: a batch, or a request.
        busy: told for which block, and with what, no batch can be expected.
    """

    def __init__(
        self,
        spark: SparkSession,
        writer: BatchWriter,
        database: Database,
        turn: Lock,
        busy: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        self._spark, self._database, self._turn, self._busy = spark, database, turn, busy
        self._ends = Event()
        self._root, self._generation, self._reach = writer.root, writer.generation, writer.reach

    def serve(self, done: Event) -> None:
        self._ends = done
        while not done.wait(LOOK_SECONDS):
            try:
                while not done.is_set() and self.carry_out_next():
                    pass
            except Exception as error:
                # The request stays begun: this writer goes on with it, or the next one, if Java is gone.
                # Without this thread the writer would look healthy, and requests would wait for ever.
                log.warning("table requests: %s; looking again", str(error).strip() or repr(error))

    def carry_out_next(self) -> bool:
        """
        Whether there was a request to carry out now. It is done or failed then.

        Raises:
            psycopg.Error, Py4JError, ConnectionError: PostgreSQL or Java is gone; the request stays begun.
        """
        if not self._database.run(is_any_open):
            return False
        with self._turn:
            if self._has_open_batch():
                return False
            request = self._database.run(begin_next)
            if request is None:
                return False
            # What reads the whole table before it changes anything has a turn of its own.
            is_at_once = request.kind != Vacuum.KIND
            outcome = self._outcome(request, lambda: self._work(request)) if is_at_once else None
        if not is_at_once:
            outcome = self._outcome(request, lambda: self._vacuumed(request))
        if outcome is not None and request.kind == Optimize.KIND:
            # Batches go on meanwhile: the two versions stay as they are.
            outcome = self._outcome(request, partial(self._proven, request, outcome))
        if outcome is not None:
            sync(self._root)
            self._reach("before_request_is_done")
            self._database.run(lambda c: _done(c, request, outcome))
            log.info("%s done: %s", request, outcome)
        return True

    def _outcome(self, request: TableRequest, work: Callable[[], Result]) -> Result | None:
        """What `work` gave, and the seconds it took; None when it failed, and the request with it."""
        began = time.monotonic()
        try:
            return {**work(), "seconds": round(time.monotonic() - began, 1)}
        except ConnectionError:
            raise
        except (LakehouseError, PySparkException, Py4JJavaError, DeltaError, OSError) as error:
            if self._ends.is_set():
                raise  # Spark was stopped under it: the next writer begins it again
            detail = str(error).strip().split("\n\n")[0][:2_000]
            log.warning("%s failed: %s", request, detail)
            self._database.run(lambda c: fail(c, request.request_id, detail))
            return None

    def _proven(self, request: TableRequest, outcome: Result) -> Result:
        what = Optimize.parse(request.arguments)
        try:
            proof = prove(self._spark, self._root, what, outcome)
        except TableDamaged:
            with self._turn:
                keep_versions(self._spark, what.table, self._root)
            raise
        return {**outcome, **proof, "stream_waited_seconds": outcome["seconds"]}

    def _vacuumed(self, request: TableRequest) -> Result:
        """Batches wait for VACUUM itself, not while the table is read before and after it."""
        refuse_deadly(request)
        table = Vacuum.parse(request.arguments).table
        self._database.run(lambda c: refuse_while_needed(c, self._root, table))
        before = state_of(self._spark, self._root, table)
        with self._turn, self._busy(str(request)):
            self._database.run(lambda c: refuse_while_needed(c, self._root, table))
            if self._has_open_batch():
                raise TableRequestFailed(
                    f"Deleting files of {table.full_name}: a batch is open. No file was deleted. Ask again"
                    " when the lake writer has closed it: `saleslake status`."
                )
            began = time.monotonic()
            done = vacuum(self._spark, self._root, table, self._reach)
            waited = round(time.monotonic() - began, 1)
        return {
            **done,
            **prove_vacuum(self._spark, self._root, before, done),
            "stream_waited_seconds": waited,
        }

    def _has_open_batch(self) -> bool:
        """Whether tables have rows that the ledger has not: the first batch after a start completes them."""
        closed = self._database.run(last_closed)
        held = last_batch(BRONZE_ORDERS, self._root, app_id=self._generation.app_id)
        return held is not None and (closed is None or closed.batch_id < held)

    def _work(self, request: TableRequest) -> Result:
        refuse_deadly(request)
        kinds: dict[str, Callable[[], Result]] = {
            Optimize.KIND: lambda: optimize(
                self._spark, self._root, Optimize.parse(request.arguments), is_again=request.attempts > 1
            ),
            ReplaceHours.KIND: lambda: replace_hours(
                self._spark, self._root, self._database, ReplaceHours.parse(request.arguments), self._reach
            ),
        }
        with self._busy(str(request)):
            return kinds[request.kind]()


def _done(connection: psycopg.Connection, request: TableRequest, outcome: Result) -> None:
    """Hours that were swapped are to be published, whoever asked for it."""
    with connection.transaction():
        finish(connection, request.request_id, outcome)
        if request.kind == ReplaceHours.KIND:
            what = ReplaceHours.parse(request.arguments)
            owe(connection, what.since, what.until, f"rebuilt from bronze, by {request.requested_by}")


def refuse_deadly(request: TableRequest) -> None:
    if request.attempts > MOST_ATTEMPTS:
        raise LakehouseError(
            f"The lake writer ended {MOST_ATTEMPTS} times while it carried this out: it is not tried again."
            " Its log says how it ended (`saleslake status` names it)."
        )
