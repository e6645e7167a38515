"""The database `sales` as Airflow's connection of that name describes it."""

from contextlib import closing
from typing import cast

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook

from include.dag_defaults import SALES_CONNECTION


def sales_connection(application_name: str) -> closing[psycopg.Connection]:
    """Open a connection with transactions by hand. It is psycopg 3: the hook prefers it to psycopg 2."""
    hook = PostgresHook(postgres_conn_id=SALES_CONNECTION, options=f"-c application_name={application_name}")
    connection = cast(psycopg.Connection, hook.get_conn())
    connection.autocommit = True
    return closing(connection)
