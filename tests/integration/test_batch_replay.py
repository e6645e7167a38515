"""A batch that dies after any of its steps is completed by its replay, and nothing is there twice."""

from collections.abc import Callable
from typing import Any

import pytest

from include.errors import LedgerImbalance
from include.fault_points import STEPS
from lake.tables import GOLD_ORDER_VALUE_MINUTE, SILVER_ORDERS
from spark.streaming import batch
from tests.orders import order

pytestmark = [pytest.mark.spark, pytest.mark.stack]

FIRST = [order(), order(event_id="E-2"), order(total_cents=1), order(order_id="O-2"), "{}"]
SECOND = [
    order(event_id="E-3"),
    order(order_id="O-2", customer_id="C-9"),
    order(order_id="O-3", country="FR"),
]


class Crash(Exception):
    """Stands for the end of the process; nothing after it runs."""


def crash_at(point: str) -> Callable[[str], None]:
    def reach(step: str) -> None:
        if step == point:
            raise Crash(step)

    return reach


def records_of(number: int) -> list[Any]:
    """A new order with an unknown field, a repeat and a contradiction of the one before, a broken record."""
    before = f"O-{number - 1}"
    return [
        order(order_id=f"O-{number}", coupon="X"),
        order(order_id=before, event_id="E-9"),
        order(order_id=before, customer_id="C-9"),
        "{}",
    ]


def test_any_step_may_be_the_last(new_lake):
    """Each batch dies after another step and is replayed: all hold exactly what an undisturbed run holds."""
    undisturbed = new_lake("undisturbed")
    for number in range(len(STEPS)):
        undisturbed.write(number, records_of(number), 4 * number)
    expected = undisturbed.content()

    disturbed = new_lake("disturbed")
    for number, step in enumerate(STEPS):
        with pytest.raises(Crash, match=step):
            disturbed.write(number, records_of(number), 4 * number, crash_at(step))
        disturbed.write(number, records_of(number), 4 * number)
    assert disturbed.content() == expected


def test_the_books_of_two_batches(new_lake, connection):
    """Rows and cents of every disposition, as the ledger has them."""
    lake = new_lake("books")
    lake.write(0, FIRST, 0)
    lake.write(1, SECOND, len(FIRST))

    found = connection.execute(
        "select batch_id, start_offset, end_offset, read_rows, read_cents::bigint, silver_rows,"
        " silver_cents::bigint,"
        " duplicate_rows, quarantined_rows from ops.ledger order by batch_id"
    ).fetchall()
    assert found == [(0, 0, 5, 5, 6_451, 2, 4_300, 1, 2), (1, 5, 8, 3, 6_450, 1, 2_150, 1, 1)]


def test_a_lost_gold_row_stops_the_stream(new_lake, connection, monkeypatch):
    """
    The books are read from the files, so a write that lost something is found before the batch is closed.
    """

    def lossy(rows, table, root, **identity):
        kept = rows.slice(0, 1) if table is GOLD_ORDER_VALUE_MINUTE else rows
        original(kept, table, root, **identity)

    original = batch.append_arrow
    monkeypatch.setattr(batch, "append_arrow", lossy)
    lake = new_lake("lossy")
    records = [order(), order(order_id="O-2", channel="store")]

    with pytest.raises(LedgerImbalance, match=r"orders in silver, in gold\.order_value_minute are 2 and 1"):
        lake.write(0, records, 0)

    assert lake.rows(SILVER_ORDERS).count() == 2
    assert connection.execute("select count(*) from ops.ledger").fetchone() == (0,)
