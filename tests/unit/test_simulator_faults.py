"""Every kind of bad record the simulator makes is judged by the stream as the simulator expects."""

import json
from datetime import timedelta

import numpy as np
import pytest
from pyspark.sql import SparkSession

from lake.contract import REASONS
from simulator.draws import NumberSource
from simulator.faults import FAULTS
from simulator.orders import OrderFactory
from spark.transforms.order_rules import with_reasons
from spark.transforms.order_shape import with_order
from tests.orders import ARRIVED_AT, kafka_records

# Reasons that no single record can have: it takes an earlier one.
BETWEEN_RECORDS = {"order_conflict"}


def one_good_order() -> bytes:
    placed_at = ARRIVED_AT - timedelta(minutes=1)
    moments = np.array([int(placed_at.timestamp() * 1_000)])
    payload = OrderFactory(5).make(0, NumberSource(5).rows(0, 1)[0], moments)[0].payload
    assert payload is not None
    return payload


def test_every_reason_of_the_contract_has_a_fault() -> None:
    """The faults cover the closed list of reasons."""
    covered = {reason for fault in FAULTS for reason in fault.reasons}

    assert covered == set(REASONS) - BETWEEN_RECORDS


def test_fault_names_are_unique() -> None:
    """The manifest tells faults apart by name."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@pytest.mark.spark
def test_the_stream_finds_the_reasons_the_simulator_expects(spark: SparkSession) -> None:
    """Each fault is quarantined for exactly its reasons; what is only odd is accepted."""
    values = [fault.make(json.loads(one_good_order()), ARRIVED_AT) for fault in FAULTS]

    judged = (
        kafka_records(spark, *values).transform(with_order).transform(with_reasons, reporting_currency="USD")
    )

    found = {row.offset: set(row.reasons) for row in judged.select("offset", "reasons").collect()}
    wrong = {f.name: (found[i], set(f.reasons)) for i, f in enumerate(FAULTS) if found[i] != f.reasons}
    assert wrong == {}
