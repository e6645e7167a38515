"""Brings the database `sales` to the state the code expects: migrations, passwords, pass file."""

from pathlib import Path

from include.sales_db import connect
from include.settings import PostgresSettings
from stack.files import write_private
from stack.migrations import migrate
from stack.postgres import PostgresServer, ensure_database, ensure_role
from stack.processes import LOOPBACK

DATABASE = "sales"


def prepare_sales(server: PostgresServer, passwords: dict[str, str], *, passfile: Path) -> PostgresSettings:
    """Database `sales` is at the newest migration and `passwords` are in force. Twice changes nothing."""
    ensure_database(server, DATABASE)
    superuser = server.as_superuser(DATABASE)
    with connect(superuser, application_name="saleslake migrations", autocommit=True) as conn:
        migrate(conn)
    for role, password in passwords.items():
        ensure_role(server, role, password)
    write_private(passfile, passfile_text(server.port, passwords))
    return PostgresSettings(host=LOOPBACK, port=server.port, database=DATABASE, passfile=passfile)


def passfile_text(port: int, passwords: dict[str, str]) -> str:
    """libpq's format; our passwords are URL-safe text, so nothing needs escaping."""
    return "".join(
        f"{LOOPBACK}:{port}:{DATABASE}:{role}:{password}\n" for role, password in passwords.items()
    )
