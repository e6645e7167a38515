"""I8 and I9 on a real database: published hours hold, torn or changed ones are violations."""

from contextlib import closing
from datetime import timedelta

import pytest

from include.sales_db import connect
from include.settings import LakeSettings, Settings
from stack.invariants.pollers import MartsReader
from stack.invariants.repeats import as_published, contents, differences, publish_everything, twice_is_once
from stack.processes import wait_until
from tests.integration.publish.publishing import HOUR, LATER, rows, two_orders
from tests.lake_double import silver_order

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(lake, database) -> Settings:
    """A published lake."""
    lake.batch(two_orders(), as_of=LATER)
    settings = Settings(postgres=database, lake=LakeSettings(root=lake.root))
    publish_everything(lake.connection, settings, "test")
    return settings


@pytest.fixture
def reader(database):
    """Looks once, as role sales_reader."""
    reader = MartsReader(database)

    def look() -> list[str]:
        with closing(connect(reader._postgres, application_name="test", autocommit=True)) as connection:
            reader.look(connection)
        return reader.problems.shown

    reader.look_once = look
    return reader


def test_a_publish_twice_is_once(settings, connection):
    finding = twice_is_once(connection, settings)
    assert (finding.holds, finding.looked_at) == (True, "5 hours of marts")
    assert as_published(connection).holds


def test_a_mart_that_was_changed_by_hand_is_a_violation(settings, connection):
    """The second publish puts it right, which is a change; and before that it is not what was published."""
    connection.execute("delete from marts.region_sales_hourly where region = 'APAC'")
    assert as_published(connection).violations == 1
    assert twice_is_once(connection, settings).violations == 2


def test_an_hour_that_is_still_open_may_grow_more_complete(lake, settings, connection):
    """The same orders at a later time: a new version, and nothing is wrong."""
    lake.batch([silver_order("O-9", LATER + timedelta(minutes=1))], as_of=LATER + timedelta(minutes=2))
    publish_everything(connection, settings, "open")
    lake.progress(LATER + timedelta(minutes=30))
    assert twice_is_once(connection, settings).holds
    assert rows(connection, "select max(version) from marts.publications") == [(2,)]


def test_a_version_that_says_nothing_new_is_a_violation(settings, connection):
    connection.execute(
        "insert into marts.publications (mart, hour_utc, version, as_of, source_versions, row_count,"
        " amount_cents, completeness, content_hash, batch_id, run_id)"
        " select mart, hour_utc, version + 1, as_of, source_versions, row_count, amount_cents, completeness,"
        " content_hash, batch_id, run_id from marts.publications"
    )
    assert as_published(connection).examples == (
        "version 2 of 2026-11-22 10:00 differs from the one before in nothing",
    )


def test_nothing_published_shows_nothing(lake, connection):
    assert not as_published(connection).holds


def test_contents_that_differ_are_named(settings, connection):
    before = contents(connection)
    connection.execute("delete from marts.order_value_hourly where region = 'APAC'")
    (text,) = differences(before, contents(connection))
    assert text.startswith(f"marts.order_value_hourly of {HOUR:%Y-%m-%d %H:00}")


def test_a_reader_sees_what_is_listed(settings, reader):
    assert reader.look_once() == []
    assert reader.totals == 5


def test_a_torn_total_is_a_violation(settings, reader, connection):
    """Half of an hour, or a listed version that is not there yet."""
    connection.execute("delete from marts.region_sales_hourly where region = 'APAC'")
    (text,) = reader.look_once()
    assert text.startswith("marts.region_sales_hourly of 2026-11-22 10:00:00+00: 1 rows")


def test_an_hour_that_vanished_is_a_violation(settings, reader, connection):
    connection.execute("delete from marts.order_value_hourly")
    assert len(reader.look_once()) == 1


def test_a_reader_that_breaks_off_is_a_violation(database):
    """It has seen nothing since."""
    reader = MartsReader(database)
    reader._query = b"select 1 / 0"
    reader.run()
    assert "broke off" in reader.finding().examples[0]


def test_a_reader_waits_for_a_server_that_is_down(database):
    reader = MartsReader(database.model_copy(update={"port": 1}))
    reader.start()
    wait_until(lambda: reader.outages > 0, seconds=20, what="an outage to be seen")
    reader.stop()
    assert not reader.finding().holds
