"""Every message of the corpus becomes what the contract says, with exactly its reasons and its own bytes."""

from collections import Counter

import pytest

from lake.contract import REASONS
from spark.transforms.orders import judged_orders, silver_orders, silver_rejected, with_disposition_in_order
from tests.corpus import MESSAGES
from tests.orders import kafka_records

RULES = {"reporting_currency": "USD", "late_after_minutes": 60, "email_key": b"k" * 32}


@pytest.fixture(scope="module")
def disposed(spark):
    """All messages as one batch, in the order of the corpus."""
    records = kafka_records(spark, *(message.value for message in MESSAGES))
    stamped = records.selectExpr("*", "0L as batch_id", "kafka_timestamp as ingested_at")
    return stamped.transform(judged_orders, **RULES).transform(with_disposition_in_order).persist()


def test_every_message_becomes_what_it_must(disposed):
    """Disposition and reasons, no more and no fewer."""
    found = {
        row.offset: (row.disposition, frozenset(row.reasons))
        for row in disposed.select("offset", "disposition", "reasons").collect()
    }
    wrong = [
        f"{message.name}: {found[number]} instead of {message.disposition, set(message.reasons)}"
        for number, message in enumerate(MESSAGES)
        if found[number] != (message.disposition, message.reasons)
    ]
    assert not wrong, "\n".join(wrong)


def test_rejected_messages_keep_their_bytes(disposed):
    """Byte for byte, whatever they are; and each message is in one place only."""
    rejected = disposed.where("disposition is not null").transform(silver_rejected)
    accepted = disposed.where("disposition is null").transform(silver_orders)
    kept = {row.offset: row.value for row in rejected.select("offset", "value").collect()}
    places = {row.offset for row in accepted.select("offset").collect()}

    wanted = {n: m.value for n, m in enumerate(MESSAGES) if m.disposition is not None}
    assert {n: None if value is None else bytes(value) for n, value in kept.items()} == wanted
    assert places == set(range(len(MESSAGES))) - set(wanted)


def test_the_corpus_is_large_enough():
    """Sixty messages with names of their own, and every reason twice."""
    names = Counter(message.name for message in MESSAGES)
    reasons = Counter(reason for message in MESSAGES for reason in message.reasons)
    assert len(MESSAGES) >= 60
    assert max(names.values()) == 1
    assert [reason for reason in REASONS if reasons[reason] < 2] == []
