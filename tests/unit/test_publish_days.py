"""Days are published independently of each other."""

from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from include.errors import PublishError
from include.publish import run
from include.publish.hour import Published, Release
from include.publish.request import Request
from include.publish.snapshot import LedgerHour, Snapshot
from include.publish.staging import LakeView
from include.publish.summary import Summary
from include.settings import PublishSettings

BAD_DAY, GOOD_DAY = datetime(2026, 11, 21, 8, tzinfo=UTC), datetime(2026, 11, 22, 8, tzinfo=UTC)


class AuditOfNothing:
    """Finds nothing wrong; what the quality gates do is tested elsewhere."""

    def look_at(self, *_: Any) -> None: ...

    def refuse(self, hour: datetime) -> None: ...

    def record(self, *_: Any) -> None: ...

    def content(self, hour: datetime) -> dict[Any, Any]:
        return {}

    def warnings(self, hour: datetime) -> str:
        return ""


def publish(monkeypatch: pytest.MonkeyPatch, error: Exception, *, closed: bool = False) -> Summary:
    """Publish two days of which the first cannot be staged; the others' work is left out."""

    def stage(connection: Any, lake: LakeView, hours: list[datetime]) -> None:
        if BAD_DAY in hours:
            raise error

    def publish_hour(connection: Any, release: Release, settings: Any, audited: Any) -> Published:
        return Published("published", 1)

    snapshot = Snapshot(7, datetime(2026, 11, 23, tzinfo=UTC), {GOOD_DAY: LedgerHour(1, 100, 7)}, {})
    monkeypatch.setattr(run, "reading", lambda connection: nullcontext())
    monkeypatch.setattr(run, "read_snapshot", lambda connection: snapshot)
    monkeypatch.setattr(run, "open_lake", lambda root, batch_id: LakeView(batch_id, {}, {}))
    monkeypatch.setattr(run, "_ensure_day", lambda connection, day: None)
    monkeypatch.setattr(run, "stage", stage)
    monkeypatch.setattr(run, "check", lambda connection, release: None)
    monkeypatch.setattr(run, "publish_hour", publish_hour)
    monkeypatch.setattr(run, "_audit", lambda snapshot, request: AuditOfNothing())
    connection: Any = SimpleNamespace(closed=closed)
    return run.publish(connection, Path(), PublishSettings(), Request("run", [BAD_DAY, GOOD_DAY]))


@pytest.mark.parametrize(
    "error", [OSError("no such file"), ValueError("damaged"), psycopg.errors.LockNotAvailable("locked")]
)
def test_a_day_that_cannot_be_staged_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A damaged file of an old day would otherwise keep every later hour from being published, for ever."""
    summary = publish(monkeypatch, error)

    assert [(r.hour, r.outcome) for r in summary.results] == [(BAD_DAY, "gave up"), (GOOD_DAY, "published")]
    assert summary.results[0].completeness == Decimal(1)
    with pytest.raises(PublishError, match="Staging 2026-11-21"):
        summary.raise_for_failures()


def test_a_lost_connection_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be published without it; the retry goes on from what is done."""
    with pytest.raises(psycopg.OperationalError):
        publish(monkeypatch, psycopg.OperationalError("gone"), closed=True)
