"""What the page Streams is given, from a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.pages.streams import BookKeeper, read_streams
from include.settings import Settings, SupervisionSettings
from tests.sold import GENERATION, HOUR, close_batch, insert, publish, report, this_minute

pytestmark = pytest.mark.stack


def streams(settings: Settings) -> dict[str, Any]:
    return read_streams(settings, BookKeeper())


def health(settings: Settings) -> dict[str, Any]:
    return streams(settings)["streams"][0]["health"]


def test_an_empty_database_says_that_no_writer_has_reported(
    owner: psycopg.Connection, settings: Settings
) -> None:
    """Nothing is stuck where nothing was started."""
    answer = streams(settings)

    assert "No lake writer has reported yet" in answer["streams"][0]["health"]["text"]
    assert [answer[name] for name in ("restarts", "table_requests", "restatements", "publications")] == [
        []
    ] * 4
    assert answer["ledger"]["batch_id"] == -1


def test_all_is_well_while_batches_are_closed(owner: psycopg.Connection, settings: Settings) -> None:
    """The verdict of the supervision, in words; no runbook is needed."""
    close_batch(owner, 0, datetime.now(UTC))
    report(owner)

    said = health(settings)

    assert (said["level"], said["text"], said["runbook"]) == ("good", "All is well", None)


def test_a_stuck_stream_leads_to_its_runbook(owner: psycopg.Connection, settings: Settings) -> None:
    """Records wait and no batch comes: that is said first, with the way out."""
    long_ago = datetime.now(UTC) - timedelta(minutes=20)
    report(owner, lag_records=5_000, last_batch_at=long_ago, as_of=long_ago)

    said = health(settings)

    assert (said["level"], said["runbook"]) == ("bad", "supervise_streams")
    assert "5000 records wait" in said["reasons"][0]


def test_a_hole_in_the_ledger_is_damage(owner: psycopg.Connection, settings: Settings) -> None:
    """Ten offsets that no batch read: the books do not balance, and the page of the hole is linked."""
    close_batch(owner, 0, datetime.now(UTC))
    close_batch(owner, 2, datetime.now(UTC))
    report(owner)

    answer = streams(settings)

    assert answer["streams"][0]["health"]["heading"] == "The ledger has a hole"
    assert (answer["ledger"]["balances"], answer["ledger"]["records_unaccounted"]) == (False, 10)


def test_a_silent_process_manager_is_not_called_well(owner: psycopg.Connection, settings: Settings) -> None:
    """The writer's own word counts, and what could not be asked is said."""
    report(owner)
    nobody = SupervisionSettings(supervisor_socket=settings.run_dir / "nobody.sock")

    said = health(settings.model_copy(update={"supervision": nobody}))

    assert said["level"] == "watch"
    assert any("process manager" in reason for reason in said["reasons"])


def test_the_books_hold_what_was_read(owner: psycopg.Connection, settings: Settings) -> None:
    """Records and cents by place; cents as text, because a refused order may claim any number."""
    absurd = 10**30
    close_batch(owner, 0, datetime.now(UTC), read_cents=9_000 + absurd, quarantined_cents=absurd)

    ledger = streams(settings)["ledger"]

    assert ledger["balances"]
    assert ledger["rows"] == {"read": 10, "silver": 9, "duplicate": 0, "quarantined": 1}
    assert ledger["cents"]["quarantined"] == str(absurd)


def test_the_books_are_added_up_seldom(owner: psycopg.Connection, settings: Settings) -> None:
    """Many readers cost one addition; the first batch is not waited for."""
    keeper = BookKeeper(seconds=3_600)
    batches = []
    for batch_id in range(3):
        batches.append(read_streams(settings, keeper)["ledger"]["batch_id"])
        close_batch(owner, batch_id, datetime.now(UTC))

    assert batches == [-1, 0, 0]


def test_rates_are_of_the_last_minutes(owner: psycopg.Connection, settings: Settings) -> None:
    """What came in over five minutes, what the last batch managed; an old batch counts for neither."""
    close_batch(owner, 0, datetime.now(UTC) - HOUR / 2)
    for batch_id in (1, 2, 3):
        close_batch(owner, batch_id, datetime.now(UTC))
    report(owner, batch_rows=500, batch_seconds=2.5)

    stream = streams(settings)["streams"][0]

    assert stream["rates"] == {
        "read_per_second": pytest.approx(0.1),
        "batches_per_minute": pytest.approx(0.6),
        "last_batch_per_second": pytest.approx(200),
    }
    minutes = stream["rows_by_minute"]
    assert len(minutes) == 61
    assert sum(minute["silver"] for minute in minutes) == 4 * 9
    assert sum(minute["quarantined"] for minute in minutes) == 4


def test_what_was_done_lately_is_listed(owner: psycopg.Connection, settings: Settings) -> None:
    """Restarts, requests, restatements and publications, the newest first."""
    hour = this_minute().replace(minute=0) - HOUR
    for pid in (1, 2):
        insert(owner, "ops.stream_restarts", [{"stream": "orders", "reason": "silent", "run_id": "watchdog",
                                              "old_pid": pid}])  # fmt: skip
    insert(owner, "ops.table_requests", [
        {"kind": "optimize", "arguments": Jsonb({"table": "silver.orders"}), "requested_by": "somebody"},
    ])  # fmt: skip
    insert(owner, "marts.restatements", [
        {"mart": "region_sales_hourly", "hour_utc": hour, "version": 2, "row_key": Jsonb({"region": region}),
         "measure": "orders", "reason": "late", "run_id": "r"} for region in ("APAC", "EMEA")
    ])  # fmt: skip
    publish(owner, hour, orders=4, cents=400, completeness=0.5)

    answer = streams(settings)

    assert [restart["old_pid"] for restart in answer["restarts"]] == [2, 1]
    assert [request["arguments"] for request in answer["table_requests"]] == [{"table": "silver.orders"}]
    assert [(change["version"], change["changes"]) for change in answer["restatements"]] == [(2, 2)]
    (published,) = answer["publications"]
    assert (published["completeness"], published["orders"], published["amount_cents"]) == (0.5, 4, 400)


def test_a_ledger_of_another_generation_counts_too(owner: psycopg.Connection, settings: Settings) -> None:
    """An adopted lake keeps its books."""
    close_batch(owner, 0, datetime.now(UTC))
    close_batch(owner, 1, datetime.now(UTC), generation=GENERATION[:-1] + "2")

    assert streams(settings)["ledger"]["rows"]["read"] == 20
