"""When a stream counts as healthy, starting, stuck, stopped or damaged, and what follows."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.settings import SupervisionSettings
from include.stream_runtime import Process
from include.supervision import History, Progress, Verdict, judge

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTINGS = SupervisionSettings(
    max_batch_age_seconds=60,
    restart_batch_age_seconds=240,
    max_heartbeat_age_seconds=45,
    max_start_seconds=120,
    max_silent_start_seconds=50,
    max_restarts_without_batch=2,
    max_restarts_per_hour=3,
    restart_backoff_seconds=10,
    max_restart_backoff_seconds=15,
)
QUIET = History(restarts_in_last_hour=0, has_unfinished_restart=False, ledger_gaps=0)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def progress(**changes: Any) -> Progress:
    fields: dict[str, Any] = {
        "state": "running",
        "detail": "",
        "batch_id": 7,
        "last_batch_at": ago(2),
        "as_of": None,
        "lag_records": 0,
        "heartbeat_at": ago(3),
        "started_at": ago(4_000),
        "pid": 42,
        **changes,
    }
    return Progress(**fields)


def verdict(
    process: Process | None = None, said: Progress | None = None, history: History = QUIET
) -> Verdict:
    return judge(process or Process("RUNNING", 42, ago(4_000)), said, history, NOW, SETTINGS)


def test_progress_is_healthy() -> None:
    """Fresh heartbeat, fresh batch: nothing is done."""
    assert verdict(said=progress())[:2] == ("healthy", "none")


def test_one_that_carries_out_a_request_is_not_stuck() -> None:
    """No batch comes as long as a table is compacted or hours are swapped; but not for ever."""
    waits: dict[str, Any] = {"last_batch_at": ago(1_000), "lag_records": 9, "busy_with": "table request 3"}
    busy = verdict(said=progress(**waits, busy_until=ago(-5)))
    assert busy[:2] == ("healthy", "none")
    assert "busy with table request 3" in busy.text
    assert verdict(said=progress(**waits, busy_until=ago(1))).health == "healthy"
    assert verdict(said=progress(**waits, busy_until=ago(241))).health == "stuck"
    assert verdict(said=progress(**waits, busy_until=ago(-5), heartbeat_at=ago(46))).health == "stuck"
    assert verdict(said=progress(**waits, busy_until=ago(-5), state="failed")).health == "stuck"


def test_a_start_that_gets_on_is_a_start() -> None:
    """The order index is made anew from all of silver."""
    reads: dict[str, Any] = {"state": "starting", "started_at": ago(3_000), "busy_with": "the order index"}
    assert verdict(said=progress(**reads, busy_until=ago(-30)))[:2] == ("starting", "none")
    assert verdict(said=progress(**reads, busy_until=ago(119)))[:2] == ("starting", "none")
    assert verdict(said=progress(**reads, busy_until=ago(121))).health == "stuck"


def test_a_quiet_topic_is_healthy() -> None:
    """No batch for an hour while nothing waits is no fault."""
    assert verdict(said=progress(last_batch_at=ago(3_600), lag_records=0)).health == "healthy"


def test_records_that_have_just_come_do_not_make_a_quiet_stream_stuck() -> None:
    """The last batch is an hour old because nothing was there to do until two seconds ago."""
    said = progress(last_batch_at=ago(3_600), as_of=ago(2), lag_records=400)
    assert verdict(said=said).health == "healthy"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (progress(heartbeat_at=ago(46)), "no heartbeat for 46 s"),
        (progress(last_batch_at=ago(241), lag_records=9), "9 records wait, and no batch for 241 s"),
        (progress(last_batch_at=ago(241), lag_records=None), "an unknown number of records wait"),
        (progress(last_batch_at=None, started_at=ago(361), lag_records=1), "no batch for 361 s"),
        (progress(state="starting", started_at=ago(90), heartbeat_at=ago(46)), "no heartbeat for 46 s"),
        (progress(state="failed", detail="disk full"), "the stream says failed disk full"),
        (progress(state="starting", started_at=ago(121)), "the stream says starting, 121 s after"),
        (progress(pid=41), "no word from this process yet"),
        (None, "no word from this process yet"),
    ],
)
def test_a_process_without_progress_is_restarted(said: Progress | None, reason: str) -> None:
    """The process runs; that is not enough."""
    found = verdict(said=said)
    assert found.health == "stuck"
    assert found.action == ("kill" if re.search("heartbeat|no word", reason) else "restart")
    assert re.search(reason, found.text)
    assert (found.severity, found.reasons[0].at_once) == ("warning", True)


@pytest.mark.parametrize("state", ["EXITED", "FATAL", "UNKNOWN"])
def test_a_process_that_was_given_up_is_restarted(state: str) -> None:
    """Whatever the stream said last."""
    assert verdict(Process(state, 0, None), progress())[:2] == ("stuck", "restart")


@pytest.mark.parametrize(
    ("process", "said"),
    [
        (Process("STARTING", 42, ago(1)), None),
        (Process("BACKOFF", 0, ago(1)), None),
        (Process("RUNNING", 42, ago(50)), None),
        (Process("RUNNING", 42, ago(30)), progress(pid=41, heartbeat_at=ago(500))),
        (Process("RUNNING", 42, ago(119)), progress(state="starting", started_at=ago(119))),
    ],
)
def test_a_starting_stream_is_given_time(process: Process, said: Progress | None) -> None:
    """A restart of a start only makes it longer."""
    assert verdict(process, said)[:2] == ("starting", "none")


@pytest.mark.parametrize(
    "said",
    [
        progress(last_batch_at=ago(61), lag_records=9),
        progress(last_batch_at=ago(240), lag_records=9),
        progress(last_batch_at=ago(900), started_at=ago(359), lag_records=9),
    ],
)
def test_a_slow_batch_is_noticed_and_not_restarted(said: Progress) -> None:
    """A restart would throw its work away; the first batch after a start has the start's time on top."""
    found = verdict(said=said)
    assert found[:2] == ("slow", "none")
    assert found.severity == "warning"


def test_a_stream_stopped_by_a_person_is_left_alone() -> None:
    """And the run is red, so that it is not forgotten."""
    found = verdict(Process("STOPPED", 0, None), progress())
    assert found[:2] == ("stopped", "refuse")
    assert found.severity == "critical"


def test_a_restart_that_was_cut_short_is_finished() -> None:
    """Stopped by us, not by a person."""
    history = QUIET._replace(
        has_unfinished_restart=True,
        restarts_in_last_hour=1,
        restarts_without_batch=1,
        last_restart_at=ago(1),
    )
    assert verdict(Process("STOPPED", 0, None), progress(), history).action == "restart"


def test_the_breaker_opens() -> None:
    """What three restarts did not heal, a fourth does not."""
    found = verdict(said=None, history=QUIET._replace(restarts_in_last_hour=3))
    assert found[:2] == ("stuck", "refuse")
    assert "3 restarts in the last hour did not help" in found.text


def test_the_breaker_opens_sooner_when_no_batch_follows() -> None:
    """A restart that brought no batch has not helped; two of them are enough."""
    found = verdict(said=None, history=QUIET._replace(restarts_in_last_hour=2, restarts_without_batch=2))
    assert found[:2] == ("stuck", "refuse")
    assert "2 restarts and no batch since" in found.text


def test_a_frozen_process_is_no_crash_loop() -> None:
    """Killed four times before, and now stopped: what hangs does not crash, and only a kill heals it."""
    loop = QUIET._replace(starts_without_batch=4)
    assert verdict(said=progress(heartbeat_at=ago(46), lag_records=9), history=loop).action == "kill"


def test_a_hole_in_the_ledger_is_for_a_person() -> None:
    """A healthy look does not outweigh lost offsets, and a restart would hide them."""
    assert verdict(said=progress(), history=QUIET._replace(ledger_gaps=1))[:2] == ("damaged", "refuse")


def test_a_crash_loop_is_for_a_person() -> None:
    """Each start is young and looks innocent; together they are a loop."""
    loop = QUIET._replace(starts_without_batch=4)
    young = Process("RUNNING", 42, ago(20))
    found = verdict(young, progress(started_at=ago(20), lag_records=9, detail="disk full"), loop)
    assert found[:2] == ("stuck", "refuse")
    assert found.text.endswith("it said: disk full")


def test_many_starts_with_nothing_to_do_are_no_crash_loop() -> None:
    """Restarted often by a person, on a topic where nothing waits."""
    assert verdict(said=progress(), history=QUIET._replace(starts_without_batch=9)).health == "healthy"


@pytest.mark.parametrize(
    ("in_vain", "seconds_ago", "action"),
    [(0, 1, "kill"), (1, 9, "none"), (1, 11, "kill"), (2, 14, "none"), (2, 16, "kill")],
)
def test_a_restart_in_vain_is_followed_by_a_wait_that_grows(
    in_vain: int, seconds_ago: float, action: str
) -> None:
    """10 s, then 20, but no more than 15."""
    patient = SETTINGS.model_copy(update={"max_restarts_without_batch": 9})
    history = QUIET._replace(
        restarts_in_last_hour=in_vain, restarts_without_batch=in_vain, last_restart_at=ago(seconds_ago)
    )
    found = judge(Process("RUNNING", 42, ago(4_000)), None, history, NOW, patient)
    assert found[:2] == ("stuck", action)
    assert ("supervision.restart_backoff_seconds" in found.text) is (action == "none")


@pytest.mark.parametrize(
    ("process", "said", "history", "setting"),
    [
        (None, progress(heartbeat_at=ago(46)), QUIET, "max_heartbeat_age_seconds"),
        (None, progress(last_batch_at=ago(241), lag_records=9), QUIET, "restart_batch_age_seconds"),
        (None, progress(last_batch_at=ago(61), lag_records=9), QUIET, "max_batch_age_seconds"),
        (None, progress(state="starting", started_at=ago(121)), QUIET, "max_start_seconds"),
        (None, None, QUIET, "max_silent_start_seconds"),
        (None, None, QUIET._replace(restarts_without_batch=2), "max_restarts_without_batch"),
        (None, None, QUIET._replace(restarts_in_last_hour=3), "max_restarts_per_hour"),
        (
            Process("RUNNING", 42, ago(9)),
            progress(lag_records=1),
            QUIET._replace(starts_without_batch=4),
            "max_starts_without_batch",
        ),
    ],
)
def test_a_reason_names_the_setting_that_decides(
    process: Process | None, said: Progress | None, history: History, setting: str
) -> None:
    """Who wants another threshold knows what to change."""
    assert f"supervision.{setting}" in verdict(process, said, history).text
    assert setting in SupervisionSettings.model_fields
