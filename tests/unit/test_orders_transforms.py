"""From judged records to the rows of silver, rejected and gold."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

from lake.contract import CONFLICT, DUPLICATE
from lake.schemas.orders import COLUMNS
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, SILVER_REJECTED
from spark.streaming.large_batch import stamped
from spark.streaming.plan import BatchPlan
from spark.transforms.gold import order_value_minute, product_sales_minute
from spark.transforms.orders import (
    bronze_orders,
    judged_orders,
    silver_orders,
    silver_rejected,
    with_disposition,
)
from tests.orders import ARRIVED_AT, kafka_records, line, order

pytestmark = pytest.mark.spark
EMAIL_KEY = b"k" * 32
PLAN = BatchPlan(7, ARRIVED_AT, start={0: 0}, end={0: 9})


def judged(spark, *records: Any, **options: Any):
    settings = {"reporting_currency": "USD", "late_after_minutes": 60, "email_key": EMAIL_KEY}
    return judged_orders(stamped(kafka_records(spark, *records), PLAN), **{**settings, **options})


def silver(spark, *records: Any):
    return silver_orders(judged(spark, *records))


def hashes(spark, *records: Any) -> list[str]:
    rows = judged(spark, *records).orderBy("offset").select("order_hash").collect()
    return [row.order_hash for row in rows]


def names_and_kinds(struct) -> list[tuple[str, Any]]:
    return [(field.name, field.dataType.simpleString()) for field in struct]


def test_silver_has_its_declared_columns(spark):
    """Names, types and order: the write appends by them."""
    assert names_and_kinds(silver(spark, order()).schema) == names_and_kinds(COLUMNS[SILVER_ORDERS])


def test_bronze_has_its_declared_columns(spark):
    """Whatever else the records carry."""
    bronze = bronze_orders(stamped(kafka_records(spark, order()), PLAN))
    assert names_and_kinds(bronze.schema) == names_and_kinds(COLUMNS[BRONZE_ORDERS])


def test_bronze_keeps_the_bytes(spark):
    """Also those that no reader understands."""
    records = stamped(kafka_records(spark, b"\xff\xfe\0", None), PLAN)
    rows = bronze_orders(records).orderBy("offset").collect()
    assert [row.value and bytes(row.value) for row in rows] == [b"\xff\xfe\0", None]


def test_the_email_leaves_bronze_only_as_hmac(spark):
    """Equal to what any HMAC-SHA256 under the same key says."""
    row = silver(spark, order(customer_email="zoë@example.com")).first()
    expected = hmac.new(EMAIL_KEY, "zoë@example.com".encode(), hashlib.sha256).hexdigest()
    assert row.customer_email_hmac == expected
    assert "example.com" not in str(row.asDict(recursive=True))


def test_no_email_no_hmac(spark):
    """An absent address must not become the HMAC of nothing."""
    assert silver(spark, order(customer_email=...)).first().customer_email_hmac is None


def test_the_key_of_the_hmac_stays_out_of_plans(spark):
    """A plan ends up in logs and in the UI."""
    plan = judged(spark, order())._jdf.queryExecution().toString()
    masked = bytes(byte ^ 0x36 for byte in EMAIL_KEY.ljust(64, b"\0"))
    assert masked.hex() not in plan
    assert ", ".join(map(str, masked[:32])) not in plan


def test_the_content_hash_ignores_what_a_repeat_may_change(spark):
    """Another event_id, the order of fields and lines, unknown fields, another way to write the instant."""
    lines = [line(), line(line_no=2)]
    first = order(lines=lines, total_cents=4_050)
    repeat = order(
        lines=lines[::-1],
        total_cents=4_050,
        event_id="E-2",
        coupon="X",
        ordered_at="2026-11-22T12:50:00+01:00",
    )
    assert len(set(hashes(spark, first, dict(reversed(repeat.items()))))) == 1


def test_the_content_hash_of_an_order_is_for_ever(spark):
    """Old orders must be recognised by code to come: these were computed before the contract ever grew."""
    assert hashes(spark, order(), order(customer_email=...)) == [
        "c8620bbb6f0d6bb1f0452f5f3dc9101e1868bba3663529eed6fed75caa5be559",
        "3d122841e8838c155ad0d8ee71a3b040546d7511edb0f87f19832cf7e9815880",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"customer_id": "C-2"},
        {"customer_email": ...},
        {"ordered_at": "2026-11-22T11:50:00.000001Z"},
        {"lines": [line(product_name="Pot")]},
        {"shipping_cents": 50, "tax_cents": 200},
        {"country": "AT"},
    ],
)
def test_the_content_hash_sees_every_change(spark, change):
    """However small; two orders under one id are a conflict."""
    assert len(set(hashes(spark, order(), order(**change)))) == 2


def test_an_order_is_late_after_the_limit(spark):
    """Measured on the broker's clock, so a replay says the same."""
    rows = judged(spark, order(ordered_at="2026-11-22T11:00:00Z"), order(ordered_at="2026-11-22T10:59:59Z"))
    assert [row.is_late for row in rows.orderBy("offset").collect()] == [False, True]


def exceptions_of(spark, *rows: tuple[int, int, str]):
    return spark.createDataFrame(list(rows), "partition int, offset long, exception string")


def test_every_record_has_one_place(spark):
    """Accepted, duplicate, conflict, broken: each with its disposition and reasons."""
    disposed = judged(spark, order(), order(), order(), "{}").transform(
        with_disposition, exceptions_of(spark, (0, 1, DUPLICATE), (0, 2, CONFLICT))
    )
    rows = disposed.orderBy("offset").select("disposition", "reasons").collect()
    assert [tuple(row) for row in rows] == [
        (None, []),
        ("duplicate", []),
        ("quarantined", ["order_conflict"]),
        ("quarantined", ["field_missing"]),
    ]


def test_rejected_keeps_bytes_position_and_claim(spark):
    """All that is needed to repair the record, and to account for its cents."""
    disposed = judged(spark, order(currency="EUR")).transform(with_disposition, exceptions_of(spark))
    rejected = silver_rejected(disposed)
    row = rejected.first()
    assert names_and_kinds(rejected.schema) == names_and_kinds(COLUMNS[SILVER_REJECTED])
    assert (row.topic, row.partition, row.offset, row.amount_cents) == ("orders.v1", 0, 0, 2_150)
    assert b'"EUR"' in bytes(row.value)


def test_a_claim_beyond_64_bits_counts_as_none(spark):
    """The books add what can be added, on both sides alike."""
    row = judged(spark, order(total_cents=2**63)).first()
    assert row.total_cents is None


def test_order_value_adds_up_per_minute_region_and_channel(spark):
    """Shipping and tax included."""
    rows = order_value_minute(
        silver(spark, order(), order(order_id="O-2"), order(order_id="O-3", channel="store"))
    ).collect()
    found = {(row.channel, row.orders, row.revenue_cents) for row in rows}
    assert found == {("web", 2, 4_300), ("store", 1, 2_150)}
    assert rows[0].minute_utc.replace(tzinfo=UTC) == datetime(2026, 11, 22, 11, 50, tzinfo=UTC)


def test_product_sales_count_an_order_once(spark):
    """A product in two lines of an order: one order, the units and cents of both lines."""
    lines = [line(), line(line_no=2, quantity=1, discount_cents=0), line(line_no=3, product_id="P-2")]
    rows = product_sales_minute(silver(spark, order(lines=lines, total_cents=5_050))).collect()
    found = {row.product_id: (row.orders, row.units, row.revenue_cents) for row in rows}
    assert found == {"P-1": (1, 3, 2_900), "P-2": (1, 2, 1_900)}


def test_a_product_goes_by_its_latest_name(spark):
    """Latest by order time, then by position."""
    renamed = order(order_id="O-2", lines=[line(product_name="Pot")], ordered_at="2026-11-22T11:50:30Z")
    row = product_sales_minute(silver(spark, renamed, order())).first()
    assert row.product_name == "Pot"


def test_makers_arrive_when_they_say(spark):
    """The clock of these tests."""
    assert kafka_records(spark, order()).first().kafka_timestamp.astimezone(UTC) == ARRIVED_AT
