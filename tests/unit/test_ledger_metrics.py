"""The books over all time, and what Prometheus is told of them."""

import socket
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from include.ledger import Books, Sums
from include.metrics import BatchFigures, StreamMetrics, TableSize
from include.settings import PostgresSettings
from spark.streaming.closing import LedgerRow
from spark.streaming.database import Database
from spark.streaming.metrics import serve_metrics
from stack.processes import free_port
from stack.status import balance

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROW = LedgerRow(
    batch_id=0, topic="orders.v1", partition=0, start_offset=0, end_offset=10, read_rows=10, read_cents=70,
    silver_rows=7, silver_cents=100, duplicate_rows=1, duplicate_cents=20, quarantined_rows=2,
    quarantined_cents=-50, generation="g",
)  # fmt: skip
EMPTY = Books()


def after(row: LedgerRow, **changes: Any) -> LedgerRow:
    """The next batch of the same partition, as large."""
    size = row.end_offset - row.start_offset
    following = {"start_offset": row.end_offset, "end_offset": row.end_offset + size}
    return replace(row, batch_id=row.batch_id + 1, **{**following, **changes})


def told(metrics: StreamMetrics) -> dict[tuple[str, str], float]:
    """Every sample by name and disposition, read from what a real endpoint serves."""
    from prometheus_client import generate_latest

    text = generate_latest(metrics.registry).decode()
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    return {(sample.name, next(iter(sample.labels.values()), "")): sample.value for sample in samples}


def test_batches_add_up() -> None:
    """Rows and cents of both; contiguous, so nothing is unaccounted for."""
    books = EMPTY.plus([ROW], NOW).plus([after(ROW)], NOW)
    assert (books.totals.read_rows, books.totals.silver_cents, books.last_batch.silver_cents) == (
        20,
        200,
        100,
    )
    assert (books.balances, books.holes, books.records_unaccounted) == (True, 0, 0)


def test_a_batch_counts_once() -> None:
    """A replayed batch was closed before: the totals stay."""
    once = EMPTY.plus([ROW], NOW)
    assert once.plus([ROW], NOW) is once


@pytest.mark.parametrize(
    ("wrong", "holes", "unaccounted"),
    [
        ({"start_offset": 13, "end_offset": 23}, 1, 3),  # skipped
        ({"start_offset": 6, "end_offset": 16}, 1, 4),  # read twice
        ({"silver_rows": 5}, 0, 2),  # without a place
        ({"duplicate_rows": 2}, 0, 1),  # in two places
    ],
)
def test_what_is_wrong_is_counted(wrong: dict[str, int], holes: int, unaccounted: int) -> None:
    """Each kind of trouble makes the number nonzero, in books and in metrics."""
    metrics = StreamMetrics()
    metrics.audited(EMPTY)
    metrics.batch_closed([ROW], BatchFigures(1.0))
    metrics.batch_closed([after(ROW, **wrong)], BatchFigures(1.0))

    books = EMPTY.plus([ROW], NOW).plus([after(ROW, **wrong)], NOW)
    assert (books.balances, books.holes, books.records_unaccounted) == (False, holes, unaccounted)
    assert told(metrics)["saleslake_records_unaccounted", ""] == unaccounted


def test_counters_start_from_the_ledger() -> None:
    """A batch that was closed while the ledger was read is neither forgotten nor counted twice."""
    metrics = StreamMetrics()
    second, third = after(ROW), after(after(ROW))
    assert ("saleslake_ledger_rows_total", "silver") not in told(metrics)
    metrics.batch_closed([second], BatchFigures(1.0))
    metrics.batch_closed([third], BatchFigures(2.0))
    metrics.audited(EMPTY.plus([ROW], NOW).plus([second], NOW))

    samples = told(metrics)
    assert samples["saleslake_ledger_rows_total", "silver"] == 21
    assert samples["saleslake_ledger_rows_total", "duplicate"] == 3
    assert samples["saleslake_ledger_cents_total", "silver"] == 300
    assert samples["saleslake_quarantined_claim_cents", ""] == -150
    assert samples["saleslake_last_batch_id", ""] == 2
    assert samples["saleslake_batch_duration_seconds_count", ""] == 2


def test_an_unknown_lag_is_not_zero() -> None:
    """Kafka does not answer: NaN, not 0."""
    metrics = StreamMetrics()
    metrics.beaten(None)
    assert told(metrics)["saleslake_lag_records", ""] != told(metrics)["saleslake_lag_records", ""]
    metrics.beaten({0: 5, 3: 7})
    assert told(metrics)["saleslake_lag_records", ""] == 12


def test_the_lag_is_told_by_partition() -> None:
    """And forgotten when Kafka does not answer: an old one would look like a new one."""
    metrics = StreamMetrics()
    metrics.beaten({0: 5, 3: 7}, NOW)
    assert told(metrics)["saleslake_partition_lag_records", "3"] == 7
    assert told(metrics)["saleslake_watermark_timestamp_seconds", ""] == NOW.timestamp()
    metrics.beaten(None)
    assert ("saleslake_partition_lag_records", "3") not in told(metrics)


def test_latencies_are_counted_by_bucket() -> None:
    """A bucket takes in its upper bound, and all of the smaller ones; every record counts."""
    metrics = StreamMetrics()
    metrics.batch_closed([ROW], BatchFigures(1.0, latencies=[-0.1, 0.5, 0.6, 5_000]))
    metrics.batch_closed([after(ROW)], BatchFigures(1.0, latencies=[2.0]))
    samples = told(metrics)
    buckets = {le: samples["saleslake_arrival_to_live_seconds_bucket", le] for le in ("0.5", "1.0", "2.0")}
    assert buckets == {"0.5": 2, "1.0": 3, "2.0": 4}
    assert samples["saleslake_arrival_to_live_seconds_bucket", "+Inf"] == 5
    assert samples["saleslake_arrival_to_live_seconds_count", ""] == 5
    assert samples["saleslake_arrival_to_live_seconds_sum", ""] == 5_003


def test_what_a_batch_tells_adds_up() -> None:
    """Reasons, late orders and steps of all batches; sizes and requests are those of the last look."""
    metrics = StreamMetrics()
    for row in (ROW, after(ROW)):
        steps = {"judging": 0.2, "bronze.orders": 0.02}
        metrics.batch_closed([row], BatchFigures(1.0, steps, rejected={"not_json": 2}, late_rows=3))
    metrics.measured({"silver.orders": TableSize(7, 900)}, {"waiting": 1, "done": 4})
    samples = told(metrics)
    assert samples["saleslake_rejected_reasons_total", "not_json"] == 4
    assert samples["saleslake_late_rows_total", ""] == 6
    assert samples["saleslake_batch_step_duration_seconds_count", "judging"] == 2
    assert samples["saleslake_table_bytes", "silver.orders"] == 900
    assert samples["saleslake_table_requests", "waiting"] == 1


def test_a_taken_port_does_not_stop_the_stream(tmp_path: Path) -> None:
    """Logged and no more; batches are counted as before."""
    nowhere = Database(PostgresSettings(port=free_port()), application_name="test")
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        metrics = serve_metrics(stranger.getsockname()[1], nowhere, tmp_path)
    metrics.batch_closed([ROW], BatchFigures(1.0))
    assert told(metrics)["saleslake_batch_duration_seconds_count", ""] == 1


def test_the_endpoint_answers_without_a_database(tmp_path: Path) -> None:
    """Loopback only, and without the books as long as they cannot be read."""
    port = free_port()
    serve_metrics(port, Database(PostgresSettings(port=free_port()), application_name="test"), tmp_path)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    assert "saleslake_lag_records NaN" in text
    assert "saleslake_ledger_rows_total" not in text


def test_status_tells_the_balance() -> None:
    """The last batch as a sum; what does not balance says where to look."""
    good = EMPTY.plus([ROW], NOW)
    assert "batch 0, closed 2026-11-23 12:00:00 UTC: 10 read = 7 silver + 1 duplicate + 2" in balance(
        good.as_json()
    )
    bad = good.plus([after(ROW, start_offset=12, end_offset=22)], NOW)
    assert balance(bad.as_json()).startswith("DOES NOT BALANCE: 2 records unaccounted for, 1 holes")
    assert balance(EMPTY.as_json()) == "no batch was closed yet"
    assert Sums(read_rows=1).unplaced_rows == 1
