"""Finds and ends processes of one run folder whose process manager is gone. Nobody else's are touched."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from include.settings import RUN_DIR_VARIABLE
from stack.layout import RunFolder
from stack.processes import wait_for_end
from stack.supervisor import PART_VARIABLE

KILL_AFTER_SECONDS = 15


def belongs(process: psutil.Process, folder: RunFolder) -> bool:
    """
    Whether `process` is a part of this run folder's stack, or a child of one.

    Our variables in its environment say so. Airflow and PostgreSQL overwrite theirs with a title, so a server
    program that works inside the run folder counts too; a shell or an editor opened there does not.
    """
    try:
        variables = process.environ()
        if variables.get(PART_VARIABLE) and variables.get(RUN_DIR_VARIABLE) == str(folder.root):
            return True
        works_inside = Path(process.cwd()).is_relative_to(folder.root)
        return works_inside and _is_server_program(Path(process.exe()))
    except (psutil.Error, OSError):
        return False


def _is_server_program(program: Path) -> bool:
    ours = Path(sys.executable).resolve()
    return program in (ours, Path(sys.executable)) or program.name in ("java", "postgres")


def leftovers(folder: RunFolder) -> list[psutil.Process]:
    spared = {process.pid for process in _ourselves()}
    return [p for p in psutil.process_iter() if p.pid not in spared and belongs(p, folder)]


def _ourselves() -> Iterator[psutil.Process]:
    me = psutil.Process()
    yield me
    yield from me.parents()


def end_leftovers(folder: RunFolder) -> int:
    """No process of this run folder is left; returns how many there were."""
    found = leftovers(folder)
    for process in found:
        _quietly(process.terminate)
    wait_for_end(found, seconds=KILL_AFTER_SECONDS)
    # Those who did not listen, and those they forked meanwhile.
    stubborn = leftovers(folder)
    for process in stubborn:
        _quietly(process.kill)
    wait_for_end(stubborn, seconds=KILL_AFTER_SECONDS)
    _forget_stale_files(folder)
    return len(found)


def _quietly(action: Callable[[], None]) -> None:
    try:
        action()
    except psutil.NoSuchProcess:
        return


def _forget_stale_files(folder: RunFolder) -> None:
    """Files that only mean something while their process lives; PostgreSQL's would stop it from starting."""
    for file in (
        folder.home("postgres") / "data" / "postmaster.pid",
        folder.root / "supervisord.pid",
        folder.supervisor_socket,
        *folder.home("airflow").glob("*.pid"),
    ):
        file.unlink(missing_ok=True)
