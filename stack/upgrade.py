"""Can this version go on from the lake and the database of a run folder? Asked before a deploy."""

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
            f"Comparing this version with the stack in {folder.root}: there is no settings.json. Nothing was"
            " compared. Give the run folder of the stack that is to be upgraded: --run-dir."
        )
    return [*_of_lake(folder), *_of_database(folder)]


def _of_lake(folder: RunFolder) -> Iterator[Finding]:
    # A process of its own: what the stream declares is Spark's side of the code.
    asked = subprocess.run(
        [sys.executable, "-m", "spark.streaming.upgrade_check", "--json"],
        env=child_environment(**{RUN_DIR_VARIABLE: str(folder.root), "PYTHONPATH": str(PROJECT_ROOT)}),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if not asked.stdout:
        raise StackError(f"Comparing this version with the lake: {asked.stderr.strip()}")
    yield from (Finding(**finding) for finding in json.loads(asked.stdout)["findings"])


def _of_database(folder: RunFolder) -> Iterator[Finding]:
    ports = kept_ports(folder)
    if ports is None or not folder.secret("postgres_password").is_file():
        yield Finding("migrations", "unseen", "the run folder has no PostgreSQL of its own")
        return
    superuser = postgres_server(folder, ports).as_superuser(DATABASE)
    try:
        with connect(superuser, application_name="saleslake check-upgrade") as connection:
            yield from of_migrations(compare(connection))
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        yield Finding("migrations", "unseen", f"PostgreSQL does not answer: {reason}")


def of_migrations(migrations: Migrations) -> Iterator[Finding]:
    """What `saleslake up` would do with the database `sales`, or refuse to."""
    for name in migrations.changed:
        way_out = "restore the file, and put the change into a new one with the next number"
        yield Finding(name, "cannot", "was applied with other content", way_out)
    for name in migrations.foreign:
        text = "is applied and not in sql/schema: this version is older than the database"
        yield Finding(name, "cannot", text, "deploy a version that has it; schema files only move forward")
    for name in migrations.new:
        yield Finding(name, "grows", "`saleslake up` applies it")
    if not (migrations.changed or migrations.foreign or migrations.new):
        yield Finding("migrations", "ok", f"all {len(migrations.applied)} are applied")
