"""The gate fails closed: what must not be published is not."""

from datetime import timedelta
from typing import Any

import pytest

from include.errors import GateFailed
from include.publish.run import publish
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS
from tests.integration.publish.publishing import (
    EVERYTHING,
    HOUR,
    LATER,
    SETTINGS,
    outcomes,
    rows,
    run,
    two_orders,
)
from tests.lake_double import LakeDouble, silver_order

pytestmark = pytest.mark.stack


def _extra_order(lake: LakeDouble) -> None:
    lake.append(SILVER_ORDERS, [silver_order("O-9", HOUR, batch_id=0, offset=9)])


def _repeated_order(lake: LakeDouble) -> None:
    lake.append(SILVER_ORDERS, [silver_order("O-1", HOUR, batch_id=0, offset=9)])


def _extra_order_value(lake: LakeDouble) -> None:
    cell = {"minute_utc": HOUR, "region": "EMEA", "channel": "web", "orders": 1, "revenue_cents": 5}
    lake.append(GOLD_ORDER_VALUE_MINUTE, [{**cell, "batch_id": 0, "date_utc": HOUR.date()}])


def _shifted_order_value(lake: LakeDouble) -> None:
    """Sums stay right; the regions do not."""
    for region, sign in (("EMEA", -1), ("APAC", 1)):
        cell = {"minute_utc": HOUR, "region": region, "channel": "web", "orders": 0, "revenue_cents": sign}
        lake.append(GOLD_ORDER_VALUE_MINUTE, [{**cell, "batch_id": 0, "date_utc": HOUR.date()}])


def _extra_product_sales(lake: LakeDouble) -> None:
    cell = {"minute_utc": HOUR, "product_id": "P-7", "region": "EMEA", "orders": 1, "units": 1}
    row = {**cell, "revenue_cents": 0, "batch_id": 0, "date_utc": HOUR.date()}
    lake.append(GOLD_PRODUCT_SALES_MINUTE, [row])


def _higher_ledger(lake: LakeDouble) -> None:
    lake.connection.execute("update ops.hour_ledger set revenue_cents = revenue_cents + 1")


@pytest.mark.parametrize(
    "damage",
    [
        _extra_order, _repeated_order, _extra_order_value, _shifted_order_value, _extra_product_sales,
        _higher_ledger,
    ],
)  # fmt: skip
def test_the_gate_fails_when_the_numbers_differ(lake: LakeDouble, damage: Any) -> None:
    """One cent, one order or one key too many in any place: nothing of the hour is published."""
    lake.batch(two_orders(), LATER)
    damage(lake)

    summary = run(lake)

    assert outcomes(summary) == ["failed"]
    with pytest.raises(GateFailed, match="2026-11-22T10:00Z"):
        summary.raise_for_failures()
    assert rows(lake.connection, "select count(*) from marts.publications") == [(0,)]


def test_a_failed_hour_does_not_stop_the_others(lake: LakeDouble) -> None:
    """The good hour is published, the run still fails."""
    lake.batch([*two_orders(), silver_order("O-5", HOUR + timedelta(hours=1))], LATER)
    _extra_order(lake)
    assert outcomes(run(lake)) == ["failed", "published"]


@pytest.mark.parametrize("apart", [timedelta(hours=1), timedelta(days=7)], ids=str)
def test_an_order_counted_in_another_hour_fails_the_gate(lake: LakeDouble, apart: timedelta) -> None:
    """An order is in one hour only, also across publications of a week."""
    lake.batch([silver_order("O-1", HOUR)], LATER)
    run(lake)
    lake.batch([silver_order("O-1", HOUR + apart)], LATER + apart)
    assert outcomes(run(lake)) == ["failed"]


def test_no_ledger_is_no_publish(lake: LakeDouble) -> None:
    """Nothing looked at is not good news."""
    with pytest.raises(GateFailed, match="last closed batch None"):
        run(lake)


def test_a_missing_table_is_no_publish(lake: LakeDouble) -> None:
    """A wrong lake root must not look like a lake without orders."""
    lake.batch(two_orders(), LATER)
    with pytest.raises(GateFailed, match=r"silver\.orders"):
        publish(lake.connection, lake.root / "elsewhere", SETTINGS, EVERYTHING)
