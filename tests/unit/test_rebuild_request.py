"""Which hours a run of rebuild_hours asks for."""

from datetime import UTC, datetime

import pytest

from include.errors import RebuildRefused
from include.rebuild.request import Window, window_of

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


def asked(run_type: str = "manual", partition_key: str | None = None, **params: object) -> Window:
    return window_of(run_id="r1", run_type=run_type, partition_key=partition_key, params=params, now=NOW)


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "since", "until"),
    [
        (asked(), day(25), day(26)),
        (asked("scheduled", "2026-11-20"), day(20), day(21)),
        (asked("backfill", "2026-11-20", since="", until=None), day(20), day(21)),
        (
            asked(since="2026-11-26T08:00Z", until="2026-11-26T10:00Z"),
            datetime(2026, 11, 26, 8, tzinfo=UTC),
            datetime(2026, 11, 26, 10, tzinfo=UTC),
        ),
    ],
)
def test_the_hours_of_a_run(window: Window, since: datetime, until: datetime) -> None:
    """Named ones, else the partition's day, else yesterday."""
    assert (window.since, window.until, window.dry_run) == (since, until, False)


def test_a_run_that_is_cleared_has_the_same_side_tables() -> None:
    """Its first try may have left some; another run has others."""
    other = window_of(run_id="r2", run_type="manual", partition_key=None, params={}, now=NOW)
    assert asked().name == asked(dry_run=True).name
    assert asked().name != other.name


@pytest.mark.parametrize(
    ("run_type", "params", "finding"),
    [
        ("manual", {"since": "2026-11-26T08:00Z"}, "'' is no hour"),
        ("manual", {"since": "2026-11-26T08:30Z", "until": "2026-11-26T10:00Z"}, "is no hour"),
        ("manual", {"since": "2026-11-26T08:00Z", "until": "2026-11-26T08:00Z"}, "is not after"),
        ("manual", {"since": "2026-10-01T00:00Z", "until": "2026-11-26T08:00Z"}, "more than 31 days"),
        ("manual", {"since": "2026-11-26T10:00Z", "until": "2026-11-26T11:00Z"}, "in the future"),
        ("backfill", {"since": "2026-11-26T08:00Z", "until": "2026-11-26T09:00Z"}, "names hours besides"),
    ],
)
def test_what_cannot_be_rebuilt_is_refused(run_type: str, params: dict[str, str], finding: str) -> None:
    """By name, before anything is started."""
    with pytest.raises(RebuildRefused, match=finding):
        asked(run_type, "2026-11-20" if run_type == "backfill" else None, **params)
