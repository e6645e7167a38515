"""
A Tableau extract (.hyper) of the marts, by the real Hyper engine.

One file holds the aggregates, the dimensions and, if wanted, orders and lines, all as one moment of the
database saw them. A refresh reads only hours whose version is another than the extract's.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from bi.contract import Contract
from bi.contract import contract as project_contract
from bi.extracts import reading
from bi.extracts.hyper_engine import api, engine, is_database, opened, table, transaction
from bi.extracts.tables import (
    Published,
    add_versions,
    dimension_tables,
    ensure_tables,
    held,
    hourly_marts,
    remove_all,
    remove_hours,
)
from include.errors import LakehouseError
from include.sales_db import connect
from include.settings import PostgresSettings

if TYPE_CHECKING:
    from tableauhyperapi import Connection, HyperProcess

FILE = "saleslake.hyper"
# A table, how many rows of it are read and how many are to be: at its start and after each step.
Report = Callable[[str, int, int], None]


class Refreshed(NamedTuple):
    """What a refresh did. Hours are counted per mart."""

    file: Path
    rows_read: int
    hours_read: int
    hours_kept: int
    hours_removed: int


class Refresh(NamedTuple):
    """One refresh under way: the engine, the file it works on, and the snapshot it reads."""

    process: "HyperProcess"
    target: Path
    work: Path
    database: psycopg.Connection
    contract: Contract
    report: Report


def no_report(part: str, done: int, total: int) -> None:
    """Nobody watches."""


def refresh(
    postgres: PostgresSettings,
    folder: Path,
    contract: Contract | None = None,
    *,
    detail: bool = False,
    report: Report = no_report,
) -> Refreshed:
    """
    Make `folder`/saleslake.hyper hold what the marts hold now. Twice changes nothing.

    The old file stays until the new one is whole. A refresh that was killed left its work beside it: the
    next one goes on from there and reads again only what has another version by then.

    Args:
        postgres: where the database is; it is read as `sales_reader`.
        folder: made when missing. File and work are for their owner alone.
        detail: orders and their lines, too.
        report: hears table, rows done and rows to do; what it raises ends the refresh.

    Raises:
        SetupError: this machine has no Hyper engine, or it does not start.
        LakehouseError: another refresh is at work, the database does not answer, or its marts are not what
            their publications say. The old file is as it was.
    """
    contract, target = contract or project_contract(), folder / FILE
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    work = folder / f".{FILE}.work"
    with _alone(folder, target):
        with _engine_for(target) as process:
            _begin(process, work, target)
            with _snapshot(postgres, target) as database:
                run = Refresh(process, target, work, database, contract, report)
                done = _brought_up_to_date(run, hourly_marts(contract, detail=detail))
        with work.open("rb") as whole:
            os.fsync(whole.fileno())
        work.replace(target)
    return done


@contextmanager
def _alone(folder: Path, target: Path) -> Iterator[None]:
    file = folder / f".{FILE}.lock"
    file.touch(mode=0o600)
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LakehouseError(
                f"Refreshing {target}: another refresh is at work in this folder. This one changed nothing."
                " Wait for the other, or give another folder."
            ) from error
        yield


@contextmanager
def _engine_for(target: Path) -> Iterator["HyperProcess"]:
    logs = target.parent / "log"
    try:
        with engine(logs) as process:
            yield process
    except api().HyperException as error:
        raise LakehouseError(
            f"Refreshing {target}: Tableau's Hyper engine says: {error}. The extract is as it was before."
            f" What was read is kept beside it; refresh again to go on from there. Its log is in {logs}."
        ) from error


def _begin(process: "HyperProcess", work: Path, target: Path) -> None:
    """A database to work on: that of a killed refresh, else a copy of the target, else a new one."""
    if is_database(process, work):
        return
    work.unlink(missing_ok=True)
    if is_database(process, target):
        # Renamed when it is whole: half a copy may look like a database.
        copy = work.with_suffix(".copy")
        copy.unlink(missing_ok=True)
        copy.touch(mode=0o600)
        shutil.copyfile(target, copy)
        copy.replace(work)
        return
    with opened(process, work, new=True):
        pass


@contextmanager
def _snapshot(postgres: PostgresSettings, target: Path) -> Iterator[psycopg.Connection]:
    """All is read as of one moment, and nothing can be written."""
    reader = postgres.model_copy(update={"user": "sales_reader"})
    try:
        with closing(connect(reader, application_name="saleslake-extract")) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                yield connection
    except psycopg.Error as error:
        raise LakehouseError(
            f"Refreshing {target} from {postgres.host}:{postgres.port}/{postgres.database}:"
            f" {str(error).strip()}. The extract is as it was before; what was read is kept beside it. Start"
            " the stack with `saleslake up`, or see `saleslake status`, then refresh to go on from there."
        ) from error


def _brought_up_to_date(run: Refresh, marts: list[str]) -> Refreshed:
    published = reading.published(run.database, marts)
    with opened(run.process, run.work) as hyper:
        ensure_tables(hyper, run.contract, [*marts, *dimension_tables(run.contract)])
        there = held(hyper)
        gone = there - set(published)
        with transaction(hyper):
            for mart in marts:
                remove_hours(hyper, mart, [hour.hour_utc for hour in gone if hour.mart == mart])
    missing = {hour: count for hour, count in published.items() if hour not in there}
    rows = _read_dimensions(run) + sum(_read_mart(run, mart, missing) for mart in marts)
    current = {hour[:2] for hour in published}
    return Refreshed(
        run.target,
        rows,
        hours_read=len(missing),
        hours_kept=len(published) - len(missing),
        hours_removed=len({hour[:2] for hour in gone} - current),
    )


def _read_dimensions(run: Refresh) -> int:
    """They are small and have no versions: all of them is replaced."""
    done = 0
    with opened(run.process, run.work) as hyper, transaction(hyper):
        for name in dimension_tables(run.contract):
            query = reading.whole_table(run.contract, name)
            with reading.as_file(run.database, query, run.work) as rows:
                remove_all(hyper, name)
                count = _copied(hyper, name, rows)
            run.report(name, count, count)
            done += count
    return done


def _read_mart(run: Refresh, mart: str, missing: dict[Published, int]) -> int:
    """Some hours at a time; each time the file is closed, so a kill loses no more than that."""
    wanted = {hour: count for hour, count in missing.items() if hour.mart == mart}
    done, total = 0, sum(wanted.values())
    run.report(mart, done, total)
    for batch in reading.batches(wanted):
        query = reading.hours_of(run.contract, mart, [hour.hour_utc for hour in batch])
        with (
            reading.as_file(run.database, query, run.work) as rows,
            opened(run.process, run.work) as hyper,
            transaction(hyper),
        ):
            count = _copied(hyper, mart, rows)
            _refuse_other_rows(run, batch, count, sum(wanted[hour] for hour in batch))
            add_versions(hyper, batch)
        done += count
        run.report(mart, done, total)
    return done


def _copied(hyper: "Connection", name: str, rows: Path) -> int:
    source = api().escape_string_literal(str(rows))
    return int(hyper.execute_command(f"copy {table(name)} from {source} with (format csv)"))


def _refuse_other_rows(run: Refresh, batch: list[Published], found: int, said: int) -> None:
    if found != said:
        first, last = (f"{hour.hour_utc:%Y-%m-%d %H:00}" for hour in (batch[0], batch[-1]))
        raise LakehouseError(
            f"Refreshing {run.target}: the publications of marts.{batch[0].mart} from {first} to {last} UTC"
            f" say {said} rows, {found} are there. The extract is as it was before. Find out who changed the"
            " mart past the publisher (`saleslake reconcile`), publish these hours again, then refresh."
        )
