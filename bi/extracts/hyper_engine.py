"""
Tableau's Hyper engine, for a while: a process of its own that ends with the block, without telemetry.

`tableauhyperapi` is imported when it is needed: its maker builds it for few kinds of machines.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.errors import LakehouseError, SetupError

if TYPE_CHECKING:
    from tableauhyperapi import Connection, HyperProcess, SqlType

# Where Tableau looks for the tables of an extract.
SCHEMA = "Extract"
OURS_ALONE = 0o077
NUMERIC = re.compile(r"numeric\((\d+), ?(\d+)\)")


def api() -> Any:
    """
    The module `tableauhyperapi`.

    Raises:
        SetupError: this machine does not have it.
    """
    try:
        import tableauhyperapi
    except ImportError as error:
        raise SetupError(
            f"Starting Tableau's Hyper engine: the package tableauhyperapi cannot be imported ({error})."
            " Its maker builds it for Linux and Windows on x86_64 and for macOS alone. Nothing was made."
            " Make extracts on such a machine, after `make setup`; the files of bi/files/tableau/ read"
            " PostgreSQL live and need none."
        ) from error
    return tableauhyperapi


@contextmanager
def engine(logs: Path) -> Iterator["HyperProcess"]:
    """
    A running engine. Its log is in `logs`, and like every file it makes for its owner alone.

    Raises:
        SetupError: it does not start.
    """
    hyper = api()
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    parameters = {"log_dir": str(logs), "log_file_max_count": "2", "log_file_size_limit": "10M"}
    # The engine inherits it; what it writes would be readable by the group.
    before = os.umask(OURS_ALONE)
    try:
        process = hyper.HyperProcess(
            hyper.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, "saleslake", parameters=parameters
        )
    except hyper.HyperException as error:
        raise SetupError(
            f"Starting Tableau's Hyper engine: {error}. Nothing was made. Its log is in {logs}."
        ) from error
    finally:
        os.umask(before)
    with process:
        yield process


@contextmanager
def opened(process: "HyperProcess", file: Path, *, new: bool = False) -> Iterator["Connection"]:
    """The database `file`, made when `new`. What was done to it is on the disk when the block is left."""
    hyper = api()
    mode = hyper.CreateMode.CREATE if new else hyper.CreateMode.NONE
    with hyper.Connection(process.endpoint, file, mode) as connection:
        yield connection


@contextmanager
def transaction(connection: "Connection") -> Iterator[None]:
    """All of the block or nothing."""
    connection.execute_command("begin transaction")
    try:
        yield
    except BaseException:
        # An engine that died has nothing to roll back, and the first error is the one to tell.
        with suppress(api().HyperException):
            connection.execute_command("rollback")
        raise
    connection.execute_command("commit")


def is_database(process: "HyperProcess", file: Path) -> bool:
    """False for what is not there, and for what a killed engine left unusable."""
    if not file.is_file():
        return False
    try:
        with opened(process, file):
            return True
    except api().HyperException:
        return False


def table(name: str) -> str:
    """As SQL writes a table of the extract."""
    return f'"{SCHEMA}"."{name}"'


def sql_type(postgres: str) -> "SqlType":
    """
    Hyper's type for PostgreSQL's.

    Raises:
        LakehouseError: there is none that holds the same values.
    """
    types = api().SqlType
    plain = {
        "bigint": types.big_int,
        "integer": types.int,
        "smallint": types.small_int,
        "boolean": types.bool,
        "text": types.text,
        "date": types.date,
        "timestamptz": types.timestamp_tz,
    }
    if postgres in plain:
        return plain[postgres]()
    if found := NUMERIC.fullmatch(postgres):
        return types.numeric(int(found[1]), int(found[2]))
    raise LakehouseError(
        f"Making an extract: no type of Hyper for PostgreSQL's {postgres}. Nothing was made of that table."
        f" Add it to {Path(__file__).name}."
    )
