"""
The stream's rules against a plain-Python model of the contract, over thousands of generated messages.

    CONTRACT_MESSAGES=50000 CONTRACT_SEED=7 python -m pytest tests/unit/test_contract_model.py

searches longer and elsewhere. A message that is judged differently belongs into tests/corpus, once
docs/contracts/orders.md says which of the two is right.
"""

import os
import re
from collections import Counter
from datetime import timedelta
from decimal import localcontext
from typing import NamedTuple

import pyspark.sql.functions as F
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, Row, SparkSession

from lake.contract import REASONS
from lake.schemas.orders import KAFKA_RECORD, ORDER
from spark.transforms.orders import judged_orders, with_disposition_in_order
from tests.changed_orders import OWN_ID
from tests.contract_messages import large_messages, messages
from tests.contract_model import Record, Verdict, judge_all
from tests.orders import ARRIVED_AT
from tests.strict_json import deep_enough

pytestmark = pytest.mark.spark

COUNT, SEED = (int(os.environ.get(f"CONTRACT_{name}", n)) for name, n in (("MESSAGES", 2_500), ("SEED", 0)))
LARGE = 12
# As many as Spark judges in one job, and as the model holds against each other.
BATCH = 5_000
LEAST_OF_A_REASON, LEAST_SHARE_ACCEPTED = 4, 0.1
EMAIL_KEY = b"k" * 32
RULES = {"reporting_currency": "USD", "late_after_minutes": 60, "email_key": EMAIL_KEY}


class Judged(NamedTuple):
    record: Record
    by_model: Verdict
    by_stream: Verdict

    @property
    def difference(self) -> str:
        return f"{self.record}\n  model:  {self.by_model}\n  stream: {self.by_stream}"


def drawn(strategy: st.SearchStrategy[bytes | None], count: int, number: int) -> list[Record]:
    """Messages with their times of arrival: most at ARRIVED_AT, around which their own times are chosen."""
    records: list[Record] = []
    arrivals = st.sampled_from((0, 0, 0, 0, 1, -1, 3_600_000)).map(lambda ms: timedelta(milliseconds=ms))

    # To find the smallest of the messages, as hypothesis would, takes a Spark job for each.
    @seed(number)
    @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy, arrivals)
    def draw(value: bytes | None, after: timedelta) -> None:
        own_id = f"{len(records):0{len(OWN_ID)}}"
        named = None if value is None else value.replace(OWN_ID.encode(), own_id.encode())
        records.append(Record(named, ARRIVED_AT + after))

    draw()
    return records


def judged_by_stream(spark: SparkSession, records: list[Record]) -> list[Verdict]:
    rows = [
        (record.value, b"key", "orders.v1", 0, offset, record.arrived_at, None)
        for offset, record in enumerate(records)
    ]
    arrived = spark.createDataFrame(rows, KAFKA_RECORD).withColumn("batch_id", F.lit(0).cast("long"))
    found = arrived.transform(judged_orders, **RULES).transform(with_disposition_in_order)
    # pyspark reckons a decimal's value in the context's digits.
    with deep_enough(), localcontext(prec=40):
        return [verdict(row) for row in found.transform(as_verdicts).orderBy("offset").collect()]


def as_verdicts(disposed: DataFrame) -> DataFrame:
    names = [*ORDER.names, "rescued", "is_late"]
    fields = [F.unix_micros(name).alias(name) if name == "ordered_at" else F.col(name) for name in names]
    order = F.when(F.col("disposition").isNull(), F.struct(*fields)).alias("order")
    return disposed.select("offset", "disposition", "reasons", order)


def verdict(row: Row) -> Verdict:
    order = row.order and row.order.asDict(recursive=True)
    if order and order["rescued"]:
        order["rescued"] = order["rescued"].toPython()
    return Verdict(row.disposition, frozenset(row.reasons), order)


@pytest.fixture(scope="module")
def judged(spark) -> list[Judged]:
    """All that was drawn, in batches, with both verdicts on each."""
    found: list[Judged] = []
    for number, first in enumerate(range(0, COUNT, BATCH)):
        records = drawn(messages, min(BATCH, COUNT - first), SEED + number)
        records += drawn(large_messages, LARGE, SEED + number)
        by_model = judge_all(records, email_key=EMAIL_KEY)
        found += map(Judged, records, by_model, judged_by_stream(spark, records))
    return found


LONG_FRACTION = re.compile(rb"\d\.\d{1000}")


def is_across_a_buffer(each: Judged) -> bool:
    """
    Jackson does not count all digits of a number with a fraction that begins in one buffer of 4,000
    characters and ends in the next: `wrong_type` instead of `not_json`, of the same bytes each time.
    """
    found = LONG_FRACTION.search(each.record.value or b"")
    return (
        found is not None
        and found.start() // 4_000 != (found.end() - 1) // 4_000
        and (each.by_model.reasons, each.by_stream.reasons) == ({"not_json"}, {"wrong_type"})
    )


def test_the_stream_judges_as_the_model(judged):
    """Disposition, exact reasons, and every value that silver keeps of an accepted order."""
    with deep_enough():
        differing = [
            each for each in judged if each.by_model != each.by_stream and not is_across_a_buffer(each)
        ]
    smallest = sorted(differing, key=lambda each: len(each.record.value or b""))[:5]
    assert not differing, f"{len(differing)} of {len(judged)}, the smallest:\n" + "\n".join(
        each.difference for each in smallest
    )


def test_the_messages_reach_every_rule(judged):
    """Each reason several times, and orders enough that are accepted or come again."""
    reasons = Counter(reason for each in judged for reason in each.by_model.reasons)
    dispositions = Counter(each.by_model.disposition for each in judged)

    assert {reason: reasons[reason] for reason in REASONS if reasons[reason] < LEAST_OF_A_REASON} == {}
    assert dispositions[None] > LEAST_SHARE_ACCEPTED * len(judged)
    assert dispositions["duplicate"] > LEAST_OF_A_REASON
