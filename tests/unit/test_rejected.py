"""What `saleslake rejected` counts, and that its samples are safe to look at."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.errors import LakehouseError
from include.rejected import Question, as_text, excerpt, read_rejected
from lake.tables import SILVER_REJECTED

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SCHEMA = pa.schema(
    [("disposition", pa.string()), ("reasons", pa.list_(pa.string())),
     ("kafka_timestamp", pa.timestamp("us", "UTC")), ("topic", pa.string()), ("partition", pa.int32()),
     ("offset", pa.int64()), ("order_id", pa.string()), ("amount_cents", pa.int64()), ("value", pa.binary())]
)  # fmt: skip


def record(offset: int, *reasons: str, minutes: int = 0, value: bytes | None = b"{}") -> dict[str, Any]:
    return {
        "disposition": "quarantined" if reasons else "duplicate",
        "reasons": list(reasons),
        "kafka_timestamp": NOON + timedelta(minutes=minutes),
        "topic": "orders.v1",
        "partition": 0,
        "offset": offset,
        "order_id": f"O-{offset}",
        "amount_cents": 100,
        "value": value,
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    records = [
        record(0, "not_json"),
        record(1, "value_unknown", "total_mismatch", minutes=30),
        record(2, minutes=61),
        record(3, "not_json", minutes=62),
    ]
    path = SILVER_REJECTED.path(tmp_path)
    path.parent.mkdir(parents=True)
    write_deltalake(str(path), pa.Table.from_pylist(records, SCHEMA))
    return tmp_path


def test_records_are_counted_under_each_reason(root):
    """And once in the total; a repeat is a duplicate."""
    answer = read_rejected(root, Question())
    assert answer.records == 4
    assert answer.by_reason == {"not_json": 2, "value_unknown": 1, "total_mismatch": 1, "duplicate": 1}
    assert answer.by_hour["2026-11-22T13:00Z", "not_json"] == 1


@pytest.mark.parametrize(
    ("question", "offsets"),
    [
        (Question(reasons=frozenset({"total_mismatch"}), samples=9), [1]),
        (Question(disposition="duplicate", samples=9), [2]),
        (Question(since=NOON + timedelta(minutes=30), until=NOON + timedelta(minutes=61), samples=9), [1]),
        (Question(samples=2), [0, 1]),
    ],
)
def test_a_question_is_answered_with_its_records_alone(root, question, offsets):
    """Reason, disposition, time of arrival, number of samples."""
    found = read_rejected(root, question).samples
    assert [sample.position for sample in found] == [f"orders.v1:0:{offset}" for offset in offsets]


def test_a_sample_cannot_command_the_terminal():
    """Escape sequences, line breaks, marks that turn the writing, bytes that are no text."""
    shown = excerpt("\x1b[2Jred\r\n\u202eevil".encode() + b"\xff")
    assert shown == r"\x1b[2Jred\r\n\u202eevil\xff"


def test_addresses_are_masked_unless_asked_for():
    """Personal data does not end up in somebody's scrollback by the way."""
    value = b'{"customer_email":"jane.doe+x@example.co.uk"}'
    assert "jane" not in excerpt(value)
    assert "jane.doe+x@example.co.uk" in excerpt(value, shows_emails=True)


def test_an_address_that_is_cut_off_is_masked_too():
    """The excerpt ends inside of it."""
    assert "jane" not in excerpt(b"x" * 145 + b" jane.doe@example.com")


def test_the_text_names_counts_and_samples(root):
    """What a person reads."""
    text = as_text(read_rejected(root, Question(samples=1)))
    assert "4 rejected records" in text
    assert "orders.v1:0:0" in text


def test_no_table_is_said_so(tmp_path):
    """Before the first batch."""
    with pytest.raises(LakehouseError, match="no such table yet"):
        read_rejected(tmp_path, Question())
