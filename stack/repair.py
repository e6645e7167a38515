"""Runs a job that needs the lake to itself: the lake writer stops for it and starts again after it."""

import subprocess
import sys

from rich.console import Console

from include.errors import StackError
from include.settings import PROJECT_ROOT, run_dir
from stack.configuration import LAKE_WRITER
from stack.layout import RunFolder
from stack.supervisor import Supervisor, environment


def run_alone(module: str, *words: str) -> int:
    """
    Run `python -m module words` while the lake writer is stopped; returns its exit code.

    Afterwards the writer is started, unless somebody had stopped it before.

    Raises:
        StackError: the stack is down.
    """
    folder, console = RunFolder(run_dir()), Console(stderr=True)
    supervisor = Supervisor(folder)
    programs = supervisor.programs()
    if not programs:
        raise StackError(
            "The stack is down, and this needs its Kafka and PostgreSQL. Nothing was changed. Run"
            " `saleslake up --without-airflow --without-lake-writer`, then this again."
        )
    was_stopped = programs[LAKE_WRITER].state == "STOPPED"
    if not was_stopped:
        console.print("Stopping the lake writer", highlight=False)
        supervisor.stop(LAKE_WRITER)
    code = run_job(folder, module, *words)
    if not was_stopped:
        supervisor.start(LAKE_WRITER)
        console.print("The lake writer starts again; `saleslake status` shows it", highlight=False)
    return code


def run_job(folder: RunFolder, module: str, *words: str) -> int:
    """Run `python -m module words` with the stack's environment; its output goes where ours goes."""
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, env=environment(folder), cwd=PROJECT_ROOT, check=False).returncode  # noqa: S603
