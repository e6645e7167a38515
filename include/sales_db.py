"""Connections to the database `sales`."""

from typing import Any

import psycopg

from include.settings import PostgresSettings


def connection_parameters(postgres: PostgresSettings, *, application_name: str) -> dict[str, Any]:
    """libpq's parameters for `postgres`. The password stays in its pass file wherever there is one."""
    secret: dict[str, Any] = {}
    if postgres.passfile is not None:
        secret["passfile"] = str(postgres.passfile)
    if postgres.password is not None:
        secret["password"] = postgres.password.get_secret_value()
    return {
        "host": postgres.host,
        "port": postgres.port,
        "dbname": postgres.database,
        "user": postgres.user,
        "application_name": application_name,
        "connect_timeout": 10,
        # A dead server is noticed within half a minute instead of the kernel's two hours.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        # The same for one that dies while it owes an answer to what was sent.
        "tcp_user_timeout": 30_000,
        **secret,
    }


def connect(
    postgres: PostgresSettings, *, application_name: str, autocommit: bool = False
) -> psycopg.Connection:
    """Open a connection; the caller closes it. `application_name` is what `pg_stat_activity` shows."""
    parameters = connection_parameters(postgres, application_name=application_name)
    return psycopg.connect(autocommit=autocommit, **parameters)
