"""What is said of a stream that moves: each measure against its threshold."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from include.measures import Audit, Flow, LedgerAudit, Measure, OrderIndexSize, audited, measure
from include.settings import SupervisionSettings
from include.severity import Reason, worst, worst_first
from include.supervision import Progress

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTINGS = SupervisionSettings()
GENERATION = UUID(int=1)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def progress(**changes: Any) -> Progress:
    fields: dict[str, Any] = {
        "state": "running",
        "detail": "",
        "batch_id": 7,
        "last_batch_at": ago(2),
        "as_of": ago(4),
        "lag_records": 0,
        "heartbeat_at": ago(3),
        "started_at": ago(4_000),
        "pid": 42,
        **changes,
    }
    return Progress(**fields)


def flow(**changes: Any) -> Flow:
    calm = Flow(
        covered_seconds=290,
        lag_per_second=0.0,
        read_per_second=200.0,
        window_rows=10_000,
        window_quarantined=0,
        batches=100,
        batch_seconds=2.5,
        newest_event=ago(60),
    )
    return calm._replace(**changes)


def found(kind: str, said: Progress | None = None, moved: Flow | None = None) -> Measure:
    rows = measure(said or progress(), moved or flow(), NOW, SETTINGS)
    return next(row for row in rows if row.kind == kind)


def test_a_calm_stream_has_no_complaint() -> None:
    """Every row is judged, and every judgement is good."""
    rows = measure(progress(), flow(), NOW, SETTINGS)
    assert {row.severity for row in rows} == {"ok"}
    assert [row.reason for row in rows if row.reason] == []


@pytest.mark.parametrize(
    ("lag", "slope", "read", "covered", "severity", "value"),
    [
        (6_000, 20.0, 180.0, 290, "warning", "6000 records, 200/s come, 180/s are read, never caught up"),
        (6_000, 10.0, 180.0, 290, "ok", "190/s come"),
        (4_999, 20.0, 180.0, 290, "ok", "4999 records"),
        (6_000, -20.0, 220.0, 290, "ok", "200/s come, 220/s are read, caught up in 300 s"),
        (150_000, -20.0, 220.0, 290, "warning", "caught up in 7500 s"),
        (120_000, -3_800.0, 4_000.0, 290, "ok", "caught up in 32 s"),
        (60_000, 200.0, 0.0, 290, "warning", "0/s are read, never caught up"),
        (60_000, 200.0, 0.0, 149, None, "not watched for long enough"),
        (60_000, None, 0.0, 290, None, "not watched for long enough"),
        (None, 200.0, 0.0, 290, None, "an unknown number of records"),
    ],
)
def test_the_lag_is_judged_by_where_it_goes(
    lag: int | None, slope: float | None, read: float, covered: float, severity: str | None, value: str
) -> None:
    """A burst that is being worked off is no news; more coming than is read is."""
    moved = flow(lag_per_second=slope, read_per_second=read, covered_seconds=covered)
    row = found("lag", progress(lag_records=lag), moved)
    assert row.severity == severity
    assert value in row.value


@pytest.mark.parametrize(
    ("said", "severity", "value"),
    [
        (progress(as_of=ago(119)), "ok", "119 s ago"),
        (progress(as_of=ago(121)), "warning", "121 s ago"),
        (progress(as_of=ago(121), detail="Kafka does not answer"), "warning", "says: Kafka does not answer"),
        (progress(as_of=ago(121), lag_records=5), "ok", "121 s ago"),
        (progress(as_of=ago(121), started_at=ago(60)), "ok", "121 s ago"),
        (progress(as_of=ago(-59)), "ok", "59 s in the future"),
        (progress(as_of=ago(-61)), "warning", "61 s in the future"),
        (progress(as_of=ago(-61), lag_records=5), "warning", "61 s in the future"),
        (progress(as_of=None), None, "not known yet"),
    ],
)
def test_freshness_is_neither_old_nor_in_the_future(said: Progress, severity: str | None, value: str) -> None:
    """While records wait it may be old: then the lag says what is wrong."""
    row = found("as_of", said)
    assert row.severity == severity
    assert value in row.value


@pytest.mark.parametrize(
    ("newest", "read", "severity"),
    [
        (ago(119 * 60), 1.0, "ok"),
        (ago(121 * 60), 1.0, "warning"),
        (ago(121 * 60), 0.0, "ok"),
        (ago(-5 * 60), 1.0, "ok"),
        (ago(-7 * 60), 0.0, "warning"),
        (None, 1.0, None),
    ],
)
def test_the_newest_order_is_of_now(newest: datetime | None, read: float, severity: str | None) -> None:
    """Old orders alone, or orders from the future, are a producer's clock or a replay."""
    assert found("event_time", moved=flow(newest_event=newest, read_per_second=read)).severity == severity


@pytest.mark.parametrize(
    ("rows", "bad", "severity"),
    [
        (1, 1, "ok"),
        (199, 199, "ok"),
        (200, 19, "ok"),
        (200, 20, "warning"),
        (200, 99, "warning"),
        (200, 100, "critical"),
        (0, 0, "ok"),
    ],
)
def test_the_share_of_quarantined_records_is_judged_from_enough_of_them(
    rows: int, bad: int, severity: str
) -> None:
    """One of one is no alarm."""
    assert found("quarantine", moved=flow(window_rows=rows, window_quarantined=bad)).severity == severity


@pytest.mark.parametrize(
    ("seconds", "batches", "severity"),
    [(30.0, 3, "ok"), (30.1, 3, "warning"), (300.0, 2, None), (None, 0, None)],
)
def test_batches_are_short(seconds: float | None, batches: int, severity: str | None) -> None:
    """On average over the window: one long batch is no news."""
    moved = flow(batch_seconds=seconds, batches=batches)
    assert found("batch_duration", moved=moved).severity == severity


def test_signs_of_life_are_shown_with_their_judgement() -> None:
    """The table says what the verdict looked at, though the verdict is not made here."""
    rows = measure(progress(heartbeat_at=ago(31), last_batch_at=ago(61), as_of=None, lag_records=3), flow(),
                   NOW, SETTINGS)  # fmt: skip
    assert [(row.value, row.severity, row.reason) for row in rows[:2]] == [
        ("31 s ago", "warning", None),
        ("61 s", "warning", None),
    ]


BALANCED = LedgerAudit(NOW, True, 10, 0, 0, 0)
UNBALANCED = LedgerAudit(NOW, False, 10, 1, 0, 0)
TOO_LONG = LedgerAudit(NOW, None, None, None, None, None)
SMALL, LARGE = OrderIndexSize(10, 1_000), OrderIndexSize(10, SETTINGS.max_order_index_bytes + 1)


@pytest.mark.parametrize(
    ("audit", "severities"),
    [
        (Audit(BALANCED, SMALL), ["ok", "ok"]),
        (Audit(UNBALANCED, LARGE), ["critical", "warning"]),
        (Audit(TOO_LONG, OrderIndexSize(10, None)), ["warning", None]),
    ],
)
def test_the_audit_is_judged(audit: Audit, severities: list[str | None]) -> None:
    """A record without a place is for a person; what was not looked at is not called good."""
    assert [row.severity for row in audited(audit, SETTINGS)] == severities


def test_every_complaint_names_value_threshold_and_setting() -> None:
    """And each setting that is named exists."""
    worst_of_all = [
        *measure(
            progress(as_of=ago(-99), lag_records=9_999_999),
            flow(lag_per_second=99.0, newest_event=ago(-999), window_quarantined=9_000, batch_seconds=99.0),
            NOW,
            SETTINGS,
        ),
        *audited(Audit(TOO_LONG, LARGE), SETTINGS),
    ]
    texts = [row.reason.text for row in worst_of_all if row.reason]
    assert len(texts) == 7
    for text in texts:
        named = re.findall(r"supervision\.(\w+)", text)
        assert named
        assert set(named) <= set(SupervisionSettings.model_fields)
        assert "(expected: " in text


def test_the_worst_comes_first() -> None:
    """Of equals, what was said first."""
    warning, critical, other = (
        Reason("a", "warning", ""),
        Reason("b", "critical", ""),
        Reason("c", "warning", ""),
    )
    assert worst_first([warning, critical, other]) == [critical, warning, other]
    assert worst(["ok", "critical", "warning"]) == "critical"
    assert worst([]) == "ok"
