"""Records that are judged one by one in this process are judged as Spark's rules judge them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import VariantVal

from lake import contract
from simulator.faults import FAULTS
from spark.streaming import judging, odd_order
from spark.streaming.json_object import MOST_BYTES
from spark.streaming.judging import Judge
from spark.streaming.odd_orders import odd_orders
from spark.transforms.orders import judged_orders
from tests.contract_messages import drawn, large_messages, messages
from tests.corpus import MESSAGES
from tests.judged import OF_GOOD, differences
from tests.orders import ARRIVED_AT, kafka_records
from tests.unit.test_plain_orders import GOOD, LEFT_TO_SPARK, RULES, TERMS, plain, records_of

DRAWN, SEED = (int(os.environ.get(f"CONTRACT_{name}", n)) for name, n in (("MESSAGES", 1_500), ("SEED", 1)))
LARGE = 12
FAULTY = [fault.make(json.loads(plain()), ARRIVED_AT) for fault in FAULTS]
# Spark's parser, or its way to write a text, decides about these.
UNCERTAIN = {
    "half of a pair, escaped": plain().replace(b"C-1", rb"\ud83e"),
    "a control character": plain().replace(b"C-1", rb"\u001f"),
    "a fraction in an unknown field": plain(discount_rate=0.5),
    "an exponent in an unknown field": plain(points=1e3),
    "an unknown field that is not ASCII": plain(größe=1),
    "a number without end": plain().replace(b'"tax_cents":50', b'"tax_cents":' + b"5" * 2_000),
    "deep": plain(note={"a": json.loads("[" * 250 + "]" * 250)}),
    "large": plain(customer_email="e" * MOST_BYTES),
    "the year 0": plain(ordered_at="0000-02-03T04:05:06Z"),
    "a product beyond 64 bits": plain(lines=[{"quantity": 10**10, "unit_price_cents": 10**10,
                                              "discount_cents": 0}]),
    "NaN in a line": plain().replace(b'"quantity":2', b'"quantity":NaN'),
    "a broken line": plain().replace(b'"quantity":2', b'"quantity"2'),
    "a broken line, then cut": plain().replace(b'"quantity":2', b'"quantity"2')[:-1],
    "a broken escape": plain(note="?").replace(b"?", rb"\u41"),
    "half of a pair under a key that comes again": b'{"a":"\\ud83d","a":1}',
    "a long number under a key that comes again": plain()[:-1] + b',"x":' + b"1" * 1_001 + b',"x":1}',
    "a repeated key, then an array's end": plain()[:-1] + b',"tax_cents":50}]',
    "behind a number for an id": plain(order_id=7) + b"!",
    "behind a text for a total": plain(total_cents="7") + b"!",
}  # fmt: skip
BROKEN = [
    *(plain()[:length] for length in range(1, len(plain()))),
    b'{"tax_cents":NaN,' + plain()[1:], b'{"a":-Infinity}', b"{'a':1}", b"{x}", b"{]", b"{", b"{ ",
    b"[{]", b"nul", b"nan",
    plain()[:-1] + b',"x":tru', plain()[:-1] + b',"x":"\\', plain()[:-1] + b",", plain() + plain()[:40],
    b'"' + plain(), b"]" + plain(), b"[" * 1_200,
    b'{"a":NaN,"' + rb"\"" * 30_000, b'{"a":"' + b"[" * 250 + rb"\"" * 30_000,
    b"[" * 300 + b'{"a":1,"a":1}' + b"]" * 300,
]  # fmt: skip
OF_TIMES = [
    "2026-11-22T11:50:00.1Z", "2026-11-22T11:50:00.12345Z", "2026-11-22T11:50:00.123456789+00:00",
    "2026-11-22t11:50:00z", "2026-11-22 11:50:00Z", "2026-11-22T11:50:60Z", "2026-11-22T24:00:00Z",
    "2026-11-22T11:50:00+18:00", "2026-11-22T11:50:00-18:00", "2026-11-22T11:50:00+18:01",
    "2026-11-22T11:50:00+05:60", "2026-11-22T11:50Z", "2026-11-22T11:50:00", "2026-11-22T11:50:00.Z",
    "2026-11-22T11:50:00.1234567890Z", "2026-02-29T11:50:00Z", "2026-1-22T11:50:00Z", " 2026-11-22T11:50:00Z",
    "2026-11-22T11:50:00Z\n", "2026-11-22T11:50:00 Z", "0001-01-01T00:00:00+18:00",
    "9999-12-31T23:59:59-18:00",
]  # fmt: skip


def taken(values: list[bytes | None]) -> list[bool]:
    found: list[bool] = odd_orders(records_of(values), TERMS)[1].to_pylist()
    return found


def differing(spark: SparkSession, values: list[bytes | None]) -> list[str]:
    here, _ = odd_orders(records_of(values), TERMS)
    return differences(
        here, kafka_records(spark, *values).transform(judged_orders, **RULES), of_good=(*OF_GOOD, "rescued")
    )


def test_every_fault_of_the_simulator_is_judged_here() -> None:
    """Otherwise each batch of faulty traffic has a Spark job for it."""
    judged = zip(FAULTS, taken(FAULTY), strict=True)
    assert [fault.name for fault, is_taken in judged if not is_taken] == []
    found = odd_orders(records_of(FAULTY), TERMS)[0]["reasons"].to_pylist()
    assert [set(reasons) for reasons in found] == [set(fault.reasons) for fault in FAULTS]


def test_what_only_spark_can_say_is_left_to_it() -> None:
    assert [name for name, value in UNCERTAIN.items() if taken([value])[0]] == []


def test_a_field_that_came_since_leaves_objects_to_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odd_order, "IS_KNOWN", False)
    assert taken([plain(region="MARS"), plain(), b"{", b"[]"]) == [False, False, True, True]


def test_reasons_come_in_the_order_of_the_contract() -> None:
    places = {reason: place for place, reason in enumerate(contract.REASONS)}
    for reasons in odd_orders(records_of(FAULTY), TERMS)[0]["reasons"].to_pylist():
        assert reasons == sorted(reasons, key=places.__getitem__)


def test_no_record_is_no_trouble() -> None:
    here, is_taken = odd_orders(records_of([]), TERMS)
    assert (here.num_rows, len(is_taken)) == (0, 0)


@pytest.mark.spark
def test_both_say_the_same_of_the_cases(spark: SparkSession) -> None:
    values: list[bytes | None] = [*GOOD.values(), *LEFT_TO_SPARK.values(), *FAULTY, *UNCERTAIN.values()]
    values += [*BROKEN, *(fault.make(json.loads(plain(order_id="")), ARRIVED_AT) for fault in FAULTS)]
    values += [plain(ordered_at=written) for written in OF_TIMES]
    values += [message.value for message in MESSAGES]
    assert differing(spark, values) == []


@pytest.mark.spark
def test_both_say_the_same_of_drawn_messages(spark: SparkSession) -> None:
    """`CONTRACT_MESSAGES=50000 CONTRACT_SEED=7` draws so many others."""
    values = drawn(messages, DRAWN, SEED) + drawn(large_messages, LARGE, SEED)
    share = sum(taken(values)) / len(values)
    assert share > 0.5
    assert differing(spark, values) == []


@pytest.mark.spark
def test_unknown_fields_are_named_alike(spark: SparkSession) -> None:
    """As the lake writer counts them, also those of lines."""
    line = json.loads(plain())["lines"][0]
    values: list[bytes | None] = [
        plain(colour="red", b={"a": [1, None, True]}),
        plain(
            lines=[line | {"gift": 1, "weight_g": 2}, line | {"line_no": 2, "gift": None}], total_cents=4_050
        ),
    ]
    found: list[Any] = odd_orders(records_of(values), TERMS)[0]["unknown_fields"].to_pylist()
    assert [sorted(names) for names in found] == [["b", "colour"], ["lines.gift", "lines.weight_g"]]
    assert differing(spark, values) == []


@pytest.mark.spark
def test_unknown_fields_are_the_same_text_again(spark: SparkSession) -> None:
    """Rebuilt hours are compared with the stream's by the text that Spark writes of their rows."""
    nested = {"z": [], "a": {}, "B": [{"y": -1, "x": 2**40}, "\t", '"', "é🦜"], "b": None, "": False}
    values: list[bytes | None] = [
        plain(zebra=1, apple=nested, **{f"n{number}": number for number in range(40)}),
        plain(lines=[json.loads(plain())["lines"][0] | nested], more="x" * 300),
    ]
    rescued = odd_orders(records_of(values), TERMS)[0]["rescued"].to_pylist()
    ours = spark.createDataFrame(
        [(VariantVal(parts["value"], parts["metadata"]),) for parts in rescued], "rescued variant"
    )
    theirs = kafka_records(spark, *values).transform(judged_orders, **RULES).orderBy("offset")
    texts = [
        [row[0] for row in rows.select(F.to_json("rescued")).collect()]
        for rows in (ours.coalesce(1), theirs.select("rescued"))
    ]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 2


@pytest.mark.spark
def test_a_short_cut_that_fails_is_none(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Spark judges then; the log names no customer."""

    def fail(*_: object) -> None:
        raise ValueError("someone@example.com")

    monkeypatch.setattr(judging, "odd_orders", fail)
    found = Judge(spark, TERMS, tmp_path).judged(kafka_records(spark, plain(region="MARS"), plain()))
    assert found is not None
    assert found["reasons"].to_pylist() == [["value_unknown"], []]
    assert "Spark judges them" in caplog.text
    assert "someone" not in caplog.text
