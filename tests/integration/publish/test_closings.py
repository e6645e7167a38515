"""An hour is said to be complete once, and again when late orders came after all."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from include.errors import NothingToPublish
from include.hour_closings import say_closings
from include.publish.request import Request
from include.publish.run import publish
from include.settings import PublishSettings
from tests.lake_double import LakeDouble, silver_order

pytestmark = pytest.mark.stack

EIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC)
NINE = EIGHT + timedelta(hours=1)
SETTINGS = PublishSettings(grace_minutes=10)


def said(connection: psycopg.Connection) -> list[datetime]:
    return [closing.hour for closing in say_closings(connection, SETTINGS)]


def times(connection: psycopg.Connection) -> int:
    row = connection.execute("select times from ops.hour_closings where hour_utc = %s", [EIGHT]).fetchone()
    return row[0] if row else 0


def test_an_hour_closes_once_its_grace_is_over(connection: psycopg.Connection, lake: LakeDouble) -> None:
    """Not while the stream may still read orders of it, and not a second time."""
    orders = [silver_order("O-1", EIGHT), silver_order("O-2", NINE)]
    lake.batch(orders, as_of=NINE + timedelta(minutes=9, seconds=59))
    assert said(connection) == []
    lake.progress(NINE + timedelta(minutes=10))
    assert said(connection) == [EIGHT]
    assert said(connection) == []


def test_late_orders_reopen_an_hour(connection: psycopg.Connection, lake: LakeDouble) -> None:
    """What was published is said again with its new orders, and no more once these are published."""
    lake.batch([silver_order("O-1", EIGHT)], as_of=NINE + timedelta(minutes=30))
    assert said(connection) == [EIGHT]
    publish(connection, lake.root, SETTINGS, Request("run-1", (), "closed"))
    assert said(connection) == []

    lake.batch([silver_order("O-2", EIGHT)], as_of=NINE + timedelta(minutes=40))
    assert said(connection) == [EIGHT]
    assert times(connection) == 2
    publish(connection, lake.root, SETTINGS, Request("run-2", (), "closed"))
    assert said(connection) == []


def test_what_nobody_publishes_is_said_again(connection: psycopg.Connection, lake: LakeDouble) -> None:
    """The event, or the run that followed it, was lost."""
    lake.batch([silver_order("O-1", EIGHT)], as_of=NINE + timedelta(minutes=30))
    assert said(connection) == [EIGHT]
    connection.execute("update ops.hour_closings set said_at = now() - interval '61 minutes'")
    assert said(connection) == [EIGHT]
    assert times(connection) == 2


def test_nothing_closes_before_the_first_batch(connection: psycopg.Connection) -> None:
    """No ledger, no answer."""
    with pytest.raises(NothingToPublish):
        say_closings(connection, SETTINGS)
