"""Airflow's own database: role, database and tables, migrated when its version changed."""

import sys
from pathlib import Path

from include.sales_db import connect
from stack.layout import RunFolder
from stack.postgres import PostgresServer, ensure_database, ensure_role
from stack.processes import run
from stack.supervisor import environment

DATABASE = "airflow"
# Kept in the database itself, so that it is never out of step with the tables.
NOTE = "migrated by the stack for Airflow "


def migrate_airflow(folder: RunFolder, server: PostgresServer, password: str) -> bool:
    """The tables are those of the installed Airflow; returns whether they had to be migrated."""
    ensure_role(server, DATABASE, password)
    ensure_database(server, DATABASE, owner=DATABASE)
    version = _installed_version()
    if _noted_version(server) == version:
        return False
    airflow = Path(sys.executable).parent / "airflow"
    run(
        [airflow, "db", "migrate"],
        doing="Migrating Airflow's database",
        env=environment(folder),
        cwd=folder.root,
    )
    _note_version(server, version)
    return True


def _installed_version() -> str:
    from importlib.metadata import version

    return version("apache-airflow-core")


def _noted_version(server: PostgresServer) -> str | None:
    query = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
    with connect(server.as_superuser("postgres"), application_name="saleslake setup") as conn:
        row = conn.execute(query, (DATABASE,)).fetchone()
    return row[0].removeprefix(NOTE) if row and row[0] else None


def _note_version(server: PostgresServer, version: str) -> None:
    with connect(
        server.as_superuser("postgres"), application_name="saleslake setup", autocommit=True
    ) as conn:
        # COMMENT takes no parameters; the version is the installed package's own.
        conn.execute(f"comment on database {DATABASE} is '{NOTE}{version}'".encode())
