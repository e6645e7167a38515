"""What is judged in this process is judged as Spark's rules judge it; what only they know is left to them."""

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from lake import contract
from lake.schemas.orders import KAFKA_RECORD
from lake.tables import odd_records
from simulator.draws import NumberSource
from simulator.faults import FAULTS
from simulator.orders import OrderFactory
from spark.streaming import judging
from spark.streaming.judging import RECORDS_WORTH_A_TASK, Judge
from spark.streaming.plain_orders import OrderTerms, plain_orders
from spark.transforms.orders import judged_orders
from tests.contract_messages import drawn, messages
from tests.corpus import MESSAGES
from tests.judged import OF_GOOD, differences
from tests.orders import ARRIVED_AT, kafka_records, line, order

RULES: dict[str, Any] = {"reporting_currency": "USD", "late_after_minutes": 60, "email_key": b"k" * 32}
TERMS = OrderTerms(**RULES)
DRAWN = 1_500
TEN_MINUTES_BEFORE = "2026-11-22T11:50:00.000Z"


def plain(**changes: Any) -> bytes:
    fields = order(**{"ordered_at": TEN_MINUTES_BEFORE, **changes})
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def of_lines(*lines: dict[str, Any], **changes: Any) -> bytes:
    """An order of these lines, whose total is right."""
    goods = sum(one["quantity"] * one["unit_price_cents"] - one["discount_cents"] for one in lines)
    return plain(lines=list(lines), total_cents=goods + 250, **changes)


def at(moment: datetime) -> bytes:
    return plain(ordered_at=moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


OLDEST = ARRIVED_AT - timedelta(days=contract.MAX_AGE_DAYS)
NEWEST = ARRIVED_AT + timedelta(minutes=contract.MAX_FUTURE_MINUTES)
TICK = timedelta(microseconds=1)
GOOD = {
    "as it mostly is": plain(),
    "without an e-mail": plain(customer_email=...),
    "an empty e-mail": plain(customer_email=""),
    "the oldest": at(OLDEST),
    "the newest": at(NEWEST),
    "just not late": at(ARRIVED_AT - timedelta(hours=1)),
    "just late": at(ARRIVED_AT - timedelta(hours=1) - TICK),
    "seconds only": plain(ordered_at="2026-11-22T11:50:00Z"),
    "an offset": plain(ordered_at="2026-11-22T13:20:00.5+01:30"),
    "a far offset": plain(ordered_at="2026-11-21T17:51:00-17:59"),
    "longest ids": plain(order_id="🦜" * 64, event_id="e" * 64, customer_id="é" * 64),
    "longest names": of_lines(line(product_name="é" * 200, category="c" * 100)),
    "empty names": of_lines(line(product_name="", category="")),
    "what looks like a field": of_lines(line(product_name="region:,}]{[", category='x" y'.replace('"', "”"))),
    "separators of lines": of_lines(line(product_name="\u2028\u2029\x7f\ufeff")),
    "greatest numbers": of_lines(
        line(line_no=contract.MAX_LINE_NO, quantity=10_000, unit_price_cents=100_000_000, discount_cents=0)
    ),
    "all off": of_lines(line(discount_cents=2_000)),
    "most lines": of_lines(*(line(line_no=number) for number in range(1, contract.MAX_LINES + 1))),
    "greatest charges": plain(
        shipping_cents=contract.MAX_CHARGE_CENTS,
        tax_cents=contract.MAX_CHARGE_CENTS,
        total_cents=1_900 + 2 * contract.MAX_CHARGE_CENTS,
    ),
}
LEFT_TO_SPARK = {
    "not there": None,
    "empty": b"",
    "blanks": json.dumps(order()).encode(),
    "another order of fields": json.dumps(dict(reversed(order().items())), separators=(",", ":")).encode(),
    "an unknown field": plain(colour="red"),
    "a field twice": plain().replace(b'"region":"EMEA"', b'"region":"EMEA","region":"EMEA"'),
    "an escape": plain(customer_id="a\\b"),
    "not UTF-8": plain().replace(b"C-1", b"C-\xff"),
    "half of a pair": plain().replace(b"C-1", b"\xed\xa0\x80"),
    "overlong": plain().replace(b"C-1", b"\xc0\xaf"),
    "beyond Unicode": plain().replace(b"C-1", b"\xf4\x90\x80\x80"),
    "cut": plain()[:-1],
    "two": plain() + plain(),
    "a line break behind": plain() + b"\n",
    "too old": at(OLDEST - TICK),
    "too new": at(NEWEST + TICK),
    "no such day": plain(ordered_at="2026-02-30T11:50:00Z"),
    "no such hour": plain(ordered_at="2026-11-22T24:00:00Z"),
    "nanoseconds": plain(ordered_at="2026-11-22T11:50:00.123456789Z"),
    "an id too long": plain(order_id="🦜" * 65),
    "no id": plain(customer_id=""),
    "another currency": plain(currency="EUR"),
    "another region": plain(region="MARS"),
    "another country": plain(country="XX"),
    "another channel": plain(channel="fax"),
    "another payment": plain(payment_method="shells"),
    "another version": plain(schema_version=2),
    "no lines": plain(lines=[], total_cents=250),
    "too many lines": of_lines(*(line(line_no=number) for number in range(1, contract.MAX_LINES + 2))),
    "lines out of order": of_lines(line(line_no=2), line(line_no=1)),
    "a line twice": of_lines(line(), line()),
    "a bad line behind a good one": of_lines(line(), line(line_no=2, quantity=0)),
    "a name too long": of_lines(line(product_name="é" * 201)),
    "a category too long": of_lines(line(category="é" * 101)),
    "no product": of_lines(line(product_id="")),
    "too much": of_lines(line(quantity=10_001)),
    "too dear": of_lines(line(unit_price_cents=100_000_001)),
    "more off than it costs": of_lines(line(discount_cents=2_001)),
    "a line without number": of_lines(line(line_no=0)),
    "a number too high": of_lines(line(line_no=contract.MAX_LINE_NO + 1)),
    "a product beyond 64 bits": of_lines(line(unit_price_cents=10**17, discount_cents=0)),
    "another total": plain(total_cents=2_151),
    "a charge too high": plain(shipping_cents=contract.MAX_CHARGE_CENTS + 1, total_cents=1),
    "a fraction": plain(tax_cents=50.0),
    "an exponent": plain().replace(b'"tax_cents":50', b'"tax_cents":5e1'),
    "a leading zero": plain().replace(b'"tax_cents":50', b'"tax_cents":050'),
    "a negative zero": plain(tax_cents=0, total_cents=2_100).replace(b'"tax_cents":0', b'"tax_cents":-0'),
    "a very long e-mail": plain(customer_email="e" * 2_000_000),
    "NUL": plain(customer_id="a\0b"),
}


def records_of(values: list[bytes | None]) -> pa.Table:
    rows = [
        {"value": value, "key": b"key", "topic": "orders.v1", "partition": 0, "offset": offset,
         "kafka_timestamp": ARRIVED_AT, "headers": None}
        for offset, value in enumerate(values)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=to_arrow_schema(KAFKA_RECORD, timezone="UTC"))


def taken(values: list[bytes | None]) -> list[bool]:
    found: list[bool] = plain_orders(records_of(values), TERMS)[1].to_pylist()
    return found


def differing(spark: SparkSession, judge: Judge, values: list[bytes | None]) -> list[str]:
    """Records about which the two do not say the same."""
    records = kafka_records(spark, *values)
    here = judge.judged(records)
    assert here is not None
    return differences(here, records.transform(judged_orders, **RULES), of_rejected=OF_GOOD)


def simulated(count: int) -> list[bytes | None]:
    placed_at = np.full(count, int(ARRIVED_AT.timestamp() * 1_000) - 60_000)
    events = OrderFactory(5).make(0, NumberSource(5).rows(0, count)[0], placed_at)
    return [event.payload for event in events]


@pytest.fixture(scope="module")
def judge(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return Judge(spark, TERMS, tmp_path_factory.mktemp("judging"))


@pytest.fixture
def all_odd_ones_in_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "FEW_RECORDS", 0)


def test_good_orders_that_are_written_plainly_are_taken() -> None:
    """Each alone and all together, up to every limit of the contract."""
    assert [name for name, value in GOOD.items() if not taken([value])[0]] == []
    assert all(taken(list(GOOD.values())))


def test_nothing_else_is_taken() -> None:
    """Just beyond each limit, and whatever is written in another way, also among good ones."""
    assert [name for name, value in LEFT_TO_SPARK.items() if taken([value])[0]] == []
    mixed = [
        value
        for pair in zip(LEFT_TO_SPARK.values(), [plain()] * len(LEFT_TO_SPARK), strict=True)
        for value in pair
    ]
    assert taken(mixed) == [False, True] * len(LEFT_TO_SPARK)


def test_simulated_orders_are_taken() -> None:
    """Otherwise the short cut is none."""
    assert all(taken(simulated(2_000)))


def test_no_record_is_no_trouble() -> None:
    assert taken([]) == []


@pytest.mark.spark
@pytest.mark.usefixtures("all_odd_ones_in_spark")
def test_both_say_the_same_of_the_cases(spark: SparkSession, judge: Judge) -> None:
    values = [*GOOD.values(), *LEFT_TO_SPARK.values(), *simulated(200)]
    values += [fault.make(json.loads(plain()), ARRIVED_AT) for fault in FAULTS]
    values += [message.value for message in MESSAGES]

    assert differing(spark, judge, values) == []


@pytest.mark.spark
@pytest.mark.usefixtures("all_odd_ones_in_spark")
def test_both_say_the_same_of_drawn_messages(spark: SparkSession, judge: Judge) -> None:
    """Half of them are written without blanks; more than a task's worth are odd."""
    values = drawn(messages, DRAWN, 0)
    count = sum(taken(values))
    assert count > 50
    assert len(values) - count > RECORDS_WORTH_A_TASK
    assert differing(spark, judge, values) == []


@pytest.mark.spark
@pytest.mark.usefixtures("all_odd_ones_in_spark")
def test_odd_records_do_not_stay_in_their_file(spark: SparkSession, judge: Judge, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Neither after a batch nor, when the driver was killed in one, after the next start."""
    judge.judged(kafka_records(spark, b"[]"))
    assert list(judge._passed_on.parent.iterdir()) == []

    left = odd_records(tmp_path)
    left.parent.mkdir()
    left.write_bytes(b"someone@example.com")
    Judge(spark, TERMS, tmp_path)
    assert not left.exists()
