"""An hour that was swapped in the lake is published, although the ledger knows of nothing new."""

from datetime import timedelta

import pytest

from include.publish.owed import owe, owed_hours
from include.publish.request import Request
from tests.integration.publish.publishing import EVERYTHING, HOUR, LATER, outcomes, rows, run, two_orders
from tests.lake_double import LakeDouble

pytestmark = pytest.mark.stack
REBUILT = "rebuilt from bronze, by ann"


@pytest.fixture
def published(lake: LakeDouble) -> LakeDouble:
    lake.batch(two_orders(), LATER)
    assert outcomes(run(lake)) == ["published"]
    return lake


def swap(lake: LakeDouble) -> None:
    """As the lake writer writes it down with the end of the swap."""
    owe(lake.connection, HOUR, HOUR + timedelta(hours=1), REBUILT)


def test_it_is_published_by_the_next_run_and_once(published: LakeDouble) -> None:
    """Equal content is left as it is, and what was owed is settled all the same."""
    assert outcomes(run(published, EVERYTHING)) == []
    swap(published)
    assert outcomes(run(published, EVERYTHING)) == ["unchanged"]
    assert outcomes(run(published, EVERYTHING)) == []
    assert owed_hours(published.connection) == {}


def test_its_restatement_says_why(published: LakeDouble) -> None:
    """As if the swap had brought back what was missing."""
    published.connection.execute("delete from marts.region_sales_hourly where region = 'APAC'")
    swap(published)
    assert outcomes(run(published, EVERYTHING)) == ["restated"]
    assert rows(published.connection, "select distinct reason from marts.restatements") == [(REBUILT,)]


def test_a_dry_run_settles_nothing(published: LakeDouble) -> None:
    swap(published)
    run(published, Request("run-2", changed="all", dry_run=True))
    assert list(owed_hours(published.connection)) == [HOUR]


def test_one_that_was_swapped_again_meanwhile_stays_owed(
    published: LakeDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher may have read the lake before that."""
    from include.publish import run as publisher

    swap(published)
    publish_hour = publisher.publish_hour

    def and_a_swap(*arguments: object) -> object:
        swap(published)
        return publish_hour(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(publisher, "publish_hour", and_a_swap)
    assert outcomes(run(published, EVERYTHING)) == ["unchanged"]
    assert list(owed_hours(published.connection)) == [HOUR]


def test_only_hours_that_have_orders_are_owed(published: LakeDouble) -> None:
    owe(published.connection, HOUR - timedelta(hours=3), HOUR + timedelta(hours=3), REBUILT)
    assert list(owed_hours(published.connection)) == [HOUR]
