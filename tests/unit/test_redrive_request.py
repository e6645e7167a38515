"""What a run of `replay_rejected` may ask for, and what the fixes do to bytes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from include.errors import RedriveRefused
from include.redrive.fixes import FIXES, fixed
from include.redrive.request import MAX_LIMIT, request_of
from lake.contract import REASONS


def test_the_default_is_a_look_at_everything():
    """Nothing asked for is a dry run over all reasons."""
    request = request_of("run-1", {})
    assert request.dry_run
    assert request.reasons == set(REASONS)


def test_times_without_a_zone_are_utc():
    """The form gives a zone, people leave it out."""
    request = request_of("run-1", {"from": "2026-11-23T08:00:00", "to": "2026-11-23T10:00:00+01:00"})
    assert (request.since, request.until) == (
        datetime(2026, 11, 23, 8, tzinfo=UTC),
        datetime(2026, 11, 23, 9, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"dry_run": False}, "names no reasons"),
        ({"reasons": ["not_jsn"]}, "not_jsn is no reason code"),
        ({"fix": "guess"}, "there is no fix 'guess'"),
        ({"from": "yesterday"}, "'yesterday' is no time"),
        ({"from": "2026-11-23T10:00:00Z", "to": "2026-11-23T08:00:00Z"}, "ends before it begins"),
        ({"limit": 0}, "limit 0 is not between"),
        ({"limit": MAX_LIMIT + 1}, "is not between 1 and"),
    ],
)
def test_what_cannot_be_done_is_refused(params: dict[str, Any], words: str):
    """By name, and nothing is sent."""
    with pytest.raises(RedriveRefused, match=words) as refusal:
        request_of("run-1", params)
    assert "Nothing was sent" in str(refusal.value)


@pytest.mark.parametrize(
    ("fix", "value", "wanted"),
    [
        ("strip_byte_order_mark", b"\xef\xbb\xbf{}", b"{}"),
        ("strip_byte_order_mark", b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\xef\xbb\xbf{}"),
        ("strip_byte_order_mark", b"{}\xef\xbb\xbf", b"{}\xef\xbb\xbf"),
        ("strip_trailing_nuls", b"{}\x00\x00", b"{}"),
        ("strip_trailing_nuls", b"\x00{}", b"\x00{}"),
        ("none", b"\xef\xbb\xbf{}\x00", b"\xef\xbb\xbf{}\x00"),
    ],
)
def test_a_fix_takes_away_what_has_no_meaning(fix: str, value: bytes, wanted: bytes):
    """And leaves everything else alone."""
    assert fixed(fix, value) == wanted


@pytest.mark.parametrize("fix", FIXES)
def test_there_is_nothing_to_fix_in_nothing(fix: str):
    """A tombstone stays one."""
    assert fixed(fix, None) is None
