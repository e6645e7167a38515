"""Would this code go on with the lake and the database of a run folder? Asked before a deploy."""

import json
import subprocess
import sys
from collections.abc import Iterator

import psycopg

from include.errors import StackError
from include.findings import Finding
from include.sales_db import connect
from include.settings import PROJECT_ROOT, RUN_DIR_VARIABLE, child_environment, settings_file
from stack.database import DATABASE
from stack.layout import RunFolder, kept_ports
from stack.migrations import Migrations, compare
from stack.parts import postgres_server


def examine(folder: RunFolder) -> list[Finding]:
    """
    Every comparison, those that are right included. Changes nothing and needs nothing that runs.

    Raises:
        StackError: there is no stack in this folder, or the lake could not be compared.
    """
    if not settings_file(folder.root).is_file():
        raise StackError(
            f"Comparing this code with the stack in {folder.root}: there is no settings.json. Nothing was"
            " compared. Give the run folder of the stack that is to be upgraded: --run-dir."
        )
    return [*_of_lake(folder), *_of_database(folder)]


def _of_lake(folder: RunFolder) -> Iterator[Finding]:
    # A process of its own: what is declared about the stream is Spark's side of the code.
    asked = subprocess.run(
        [sys.executable, "-m", "spark.streaming.upgrade"],
        env=child_environment(**{RUN_DIR_VARIABLE: str(folder.root), "PYTHONPATH": str(PROJECT_ROOT)}),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        raise StackError(f"Comparing this code with the lake: {asked.stderr.strip()}")
    yield from (Finding(**json.loads(line)) for line in asked.stdout.splitlines())


def _of_database(folder: RunFolder) -> Iterator[Finding]:
    ports = kept_ports(folder)
    if ports is None or not folder.secret("postgres_password").is_file():
        yield Finding("database", "unseen", "the run folder knows no PostgreSQL of its own")
        return
    superuser = postgres_server(folder, ports).as_superuser(DATABASE)
    try:
        with connect(superuser, application_name="saleslake check-upgrade") as connection:
            yield from of_migrations(compare(connection))
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        yield Finding(
            "database", "unseen", f"PostgreSQL does not answer, so migrations were not compared: {reason}"
        )


def of_migrations(migrations: Migrations) -> Iterator[Finding]:
    subject = "database"
    for name in migrations.changed:
        yield Finding(
            subject,
            "cannot",
            f"{name} was applied with other content",
            "Restore the file, and put the change into a new one with the next number.",
        )
    for name in migrations.foreign:
        yield Finding(
            subject,
            "cannot",
            f"{name} is applied and unknown here: this code is older than the database",
            "Deploy the code that has it; schema files only move forward.",
        )
    if migrations.new:
        yield Finding(subject, "grows", f"`saleslake up` applies {', '.join(migrations.new)}")
    if not (migrations.changed or migrations.foreign or migrations.new):
        yield Finding(subject, "ok", f"all {len(migrations.applied)} migrations are applied")
