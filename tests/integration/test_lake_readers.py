"""Who reads the lake is known as long as the session lives, and no longer."""

import pytest

from include.lake_readers import READER_LOCK, readers, reading, reading_lake
from include.sales_db import connect
from stack.processes import wait_until

pytestmark = pytest.mark.stack


def test_a_reader_is_known_by_its_name(connection, own_sales_database):
    with reading_lake(own_sales_database, application_name="publish_marts"):
        (found,) = readers(connection)
    assert str(found).startswith(f"publish_marts (PostgreSQL session {found.pid} since 20")
    assert readers(connection) == []


def test_readers_do_not_wait_for_each_other(connection, own_sales_database):
    with (
        reading_lake(own_sales_database, application_name="first"),
        reading_lake(own_sales_database, application_name="second"),
    ):
        assert [one.name for one in readers(connection)] == ["first", "second"]


def test_a_reader_that_ended_somehow_reads_no_more(connection, own_sales_database):
    with reading(connect(own_sales_database, application_name="killed", autocommit=True)) as reader:
        assert [one.name for one in readers(connection)] == ["killed"]
        reader.close()
    wait_until(lambda: not readers(connection), seconds=30, what="the end of its session")


def test_other_locks_are_nobodys_reading(connection, own_sales_database):
    """Publishing an hour takes one of the same kind."""
    connection.execute("select pg_advisory_lock(%s, 7)", READER_LOCK[:1])
    assert readers(connection) == []
