"""Late orders and unknown fields, through the stream's own steps, PostgreSQL and the publisher."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pyarrow.compute as pc
import pyspark.sql.functions as F
import pytest

from include.insights import as_text, read_insights
from include.publish.request import Request
from include.publish.run import publish
from include.publish.summary import Summary
from include.settings import PostgresSettings, PublishSettings
from lake.reading import delta_table
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS, Table
from tests.batch_lake import Lake
from tests.orders import ARRIVED_AT, line, order

pytestmark = [pytest.mark.spark, pytest.mark.stack]

TWO_HOURS_AGO = (ARRIVED_AT - timedelta(hours=2)).isoformat()
HEARTBEAT = """
insert into ops.stream_progress (stream, generation, state, heartbeat_at, started_at, pid, as_of)
values ('orders', %s, 'running', now(), now(), 1, %s)
on conflict (stream) do update set as_of = excluded.as_of
"""


def placed(order_id: str, **changes: Any) -> dict[str, Any]:
    """An order of 2,150 cents, placed two hours before it arrived: late."""
    return order(order_id=order_id, ordered_at=TWO_HOURS_AGO, **changes)


def published(lake: Lake, run_id: str) -> Summary:
    lake.connection.execute(HEARTBEAT, [lake.generation.uuid, ARRIVED_AT])
    request = Request(run_id, changed="closed")
    return publish(lake.connection, lake.root, PublishSettings(), request)


def gold(lake: Lake, table: Table) -> tuple[int, int]:
    rows = lake.rows(table).agg(F.sum("orders"), F.sum("revenue_cents")).first()
    return (rows[0], rows[1])


def live(lake: Lake, table: str) -> tuple[Any, ...] | None:
    query = f"select sum(orders)::int, sum(revenue_cents)::int from live.{table}"
    return lake.connection.execute(query).fetchone()  # type: ignore[call-overload]


def test_a_late_order_changes_gold_live_and_a_published_hour(new_lake: Callable[[str], Lake]) -> None:
    """Gold and live with its own batch; the hour with the next publish, which says what changed and why."""
    lake = new_lake("late")
    lake.write(0, [placed("O-1")], 0)
    assert [r.outcome for r in published(lake, "first").results] == ["published"]

    lake.write(1, [placed("O-2", channel="store")], 1)
    silver = lake.rows(SILVER_ORDERS).where("order_id = 'O-2'").first()
    assert silver is not None
    assert silver.is_late
    assert gold(lake, GOLD_ORDER_VALUE_MINUTE) == live(lake, "order_value_minute") == (2, 4_300)
    assert gold(lake, GOLD_PRODUCT_SALES_MINUTE) == live(lake, "product_sales_minute") == (2, 3_800)

    assert [r.outcome for r in published(lake, "second").results] == ["restated"]
    changes = lake.connection.execute(
        "select mart, measure, old_value, new_value, reason, run_id from marts.restatements"
        " where mart <> 'order_value_hourly' order by mart, measure"
    ).fetchall()
    why = ("late orders", "second")
    assert changes == [
        ("product_sales_hourly", "orders", 1, 2, *why),
        ("product_sales_hourly", "revenue_cents", 1_900, 3_800, *why),
        ("product_sales_hourly", "units", 2, 4, *why),
        ("region_sales_hourly", "orders", 1, 2, *why),
        ("region_sales_hourly", "revenue_cents", 2_150, 4_300, *why),
    ]


UNKNOWN = [
    order(coupon={"code": "X", "cents": 150}, lines=[line(gift=True), line(line_no=2)], total_cents=4_050),
    order(order_id="O-2", coupon=None),
    order(order_id="O-2", coupon="a repeat", event_id="E-9"),
    order(order_id="O-3", coupon="bad", region="MARS"),
    order(order_id="O-4"),
]


@pytest.fixture
def lake(new_lake: Callable[[str], Lake]) -> Lake:
    """A lake of one batch, the records above."""
    written = new_lake("unknown")
    written.write(0, UNKNOWN, 0)
    return written


def test_unknown_fields_come_back_with_their_types(lake: Lake) -> None:
    """Numbers, flags, objects and nulls, of orders and of lines; other columns are read without Spark."""
    rows = lake.rows(SILVER_ORDERS).orderBy("order_id").select("rescued").collect()
    assert [row.rescued and row.rescued.toPython() for row in rows] == [
        {"coupon": {"cents": 150, "code": "X"}, "lines": [{"gift": True}, {}]},
        {"coupon": None},
        None,
    ]
    without_spark = delta_table(SILVER_ORDERS, lake.root).to_pyarrow_dataset().to_table()
    assert pc.sum(without_spark["total_cents"]).as_py() == 8_350
    assert without_spark["rescued"].null_count == 1


def test_unknown_fields_are_counted(lake: Lake, own_sales_database: PostgresSettings) -> None:
    """Orders in silver only, by batch and by name; a person sees them in the answers."""
    connection: psycopg.Connection = lake.connection
    assert connection.execute("select silver_rows, rescued_rows from ops.ledger").fetchall() == [(3, 2)]
    by_name = "select field, orders, last_batch_id from live.unknown_fields order by field"
    assert connection.execute(by_name).fetchall() == [("coupon", 2, 0), ("lines.gift", 1, 0)]

    lake.write(1, [order(order_id="O-5", coupon=1)], len(UNKNOWN))
    assert connection.execute(by_name).fetchall() == [("coupon", 3, 1), ("lines.gift", 1, 0)]
    shown = as_text(read_insights(own_sales_database), currency="USD")
    assert "coupon " in shown
    assert "3 orders  last seen" in shown


def test_names_without_end_are_counted_together(lake: Lake) -> None:
    """A producer that invents names fills neither the batch's transaction nor the database."""
    lake.connection.execute(
        "insert into live.unknown_fields (field, orders, last_batch_id)"
        " select 'invented ' || n, 1, 0 from generate_series(1, 998) as n"
    )
    many = {f"{'x' * 300}{n}": n for n in range(3)} | {f"new {n}": n for n in range(120)}
    lake.write(1, [order(order_id="O-5", **many)], len(UNKNOWN))
    found = dict(lake.connection.execute("select field, orders from live.unknown_fields").fetchall())
    assert len(found) == 1_001
    assert found["…"] == len(many)
    assert max(map(len, found)) <= 200
