"""
Applies sql/schema/NNN_*.sql to the database `sales`: forward only, each file once, in one transaction. After
them, whenever it has changed, comes `comments.sql`: made from the metric contract, it changes no data.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import psycopg

from include.errors import StackError
from include.settings import PROJECT_ROOT

SCHEMA_FOLDER = PROJECT_ROOT / "sql" / "schema"
COMMENTS = "comments.sql"
HISTORY = """
create table if not exists public.schema_migrations (
    name       text primary key,
    sha256     text not null,
    applied_at timestamptz not null default now()
)
"""
# Two `up` at the same time: the second waits, then finds nothing to do.
LOCK_KEY = 0x5A1E51AE


def migrate(conn: psycopg.Connection, folder: Path = SCHEMA_FOLDER) -> list[str]:
    """
    Apply what is new; returns the names of the files applied. Twice applies nothing. `conn` is a superuser's.

    Raises:
        StackError: a numbered file that was applied has changed since, or a file's SQL failed: it left no
            trace.
    """
    with conn.transaction():
        conn.execute("select pg_advisory_lock(%s)", (LOCK_KEY,))
        conn.execute(HISTORY)
    try:
        return [file.name for file in _files(folder) if _apply(conn, file)]
    finally:
        with conn.transaction():
            conn.execute("select pg_advisory_unlock(%s)", (LOCK_KEY,))


@dataclass(frozen=True, slots=True)
class Migrations:
    """Names of schema files, as the database knows them."""

    applied: list[str]
    new: list[str]  # the next `up` applies them
    changed: list[str]  # applied with other content
    foreign: list[str]  # applied, and not among the files: the database was brought up by newer code


def compare(conn: psycopg.Connection, folder: Path = SCHEMA_FOLDER) -> Migrations:
    """What `migrate` would find. Changes nothing."""
    applied: dict[str, str] = {}
    if conn.execute("select to_regclass('public.schema_migrations')").fetchone() != (None,):
        applied = dict(conn.execute("select name, sha256 from public.schema_migrations").fetchall())
    files = {file.name: _sha256(file.read_text(encoding="utf-8")) for file in _files(folder)}
    changed = {name for name in files.keys() & applied.keys() if files[name] != applied[name]}
    return Migrations(
        applied=sorted(applied),
        new=sorted(files.keys() - applied.keys() | changed & {COMMENTS}),
        changed=sorted(changed - {COMMENTS}),
        foreign=sorted(applied.keys() - files.keys()),
    )


def _files(folder: Path) -> list[Path]:
    """In the order in which they are applied."""
    return [*sorted(folder.glob("[0-9]*.sql")), *folder.glob(COMMENTS)]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _apply(conn: psycopg.Connection, file: Path) -> bool:
    text = file.read_text(encoding="utf-8")
    sha256 = _sha256(text)
    if _is_applied(conn, file.name, sha256):
        return False
    try:
        with conn.transaction():
            # Without parameters psycopg sends the file as it is, all statements in this one transaction.
            conn.execute(text.encode())
            conn.execute("reset role")
            conn.execute(
                "insert into public.schema_migrations (name, sha256) values (%s, %s)"
                " on conflict (name) do update set sha256 = excluded.sha256, applied_at = now()",
                (file.name, sha256),
            )
    except psycopg.Error as error:
        raise StackError(
            f"Applying {file.name} to the database: {error}. Nothing of this file was applied; those before"
            " it were. Correct the file, then run `saleslake up` again."
        ) from error
    return True


def _is_applied(conn: psycopg.Connection, name: str, sha256: str) -> bool:
    with conn.transaction():
        query = "select sha256 from public.schema_migrations where name = %s"
        row = conn.execute(query, (name,)).fetchone()
    if row and row[0] != sha256 and name == COMMENTS:
        return False
    if row and row[0] != sha256:
        raise StackError(
            f"sql/schema: {name} was applied with other content ({row[0][:12]}…, now {sha256[:12]}…)."
            " The database is unchanged. Schema files only move forward: restore the file, and put the change"
            " into a new one with the next number."
        )
    return row is not None
