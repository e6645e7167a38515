"""A PostgreSQL of a test's own, and database `sales` in it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.settings import PostgresSettings
from stack import postgres
from stack.database import prepare_sales
from stack.processes import free_port


@contextmanager
def own_server(folder: Path) -> Iterator[postgres.PostgresServer]:
    """It runs within the block, empty; `folder` is made for it."""
    folder.mkdir()
    server = postgres.PostgresServer(folder / "data", free_port(), folder / "superuser")
    with postgres.running(server, folder / "log"):
        yield server


def sales_of(server: postgres.PostgresServer) -> PostgresSettings:
    """Database `sales` with every migration applied, as `sales_loader`."""
    passwords = {role: secrets.token_urlsafe(16) for role in ("sales_loader", "sales_reader")}
    return prepare_sales(server, passwords, passfile=server.password_file.with_name("pgpass"))
