"""
Tells somebody of incidents: when one opens, gets worse or is over, and once each.

The watchdog and Airflow both call `tell_due`; the database decides who tells. A claim is a moment in
`notify_after` before which nobody else may tell, so a teller that dies delays an alert and loses none.
"""

import logging
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
from psycopg.rows import class_row

from include.settings import AlertSettings

log = logging.getLogger(__name__)
SQL = Path(__file__).with_name("sql")
# More than every try of one alert can take.
CLAIM_MARGIN_SECONDS = 10


class Alert(NamedTuple):
    """An incident that somebody is to be told of, claimed until `notify_after`."""

    incident_id: int
    stream: str
    kind: str
    severity: str
    opened_at: datetime
    closed_at: datetime | None
    summary: str
    details: dict[str, Any]
    runbook: str
    notified_as: str | None
    notify_after: datetime
    attempts: int

    @property
    def event(self) -> str:
        if self.closed_at:
            return "closed"
        return "worsened" if self.notified_as else "opened"

    @property
    def told_as(self) -> str:
        return "closed" if self.closed_at else self.severity

    @property
    def text(self) -> str:
        """One line. Chat programs show the key `text` of what a webhook gets."""
        until = f", over {self.closed_at:%H:%M:%S}" if self.closed_at else ""
        return (
            f"Incident {self.incident_id} {self.event}: {self.stream} {self.kind}, {self.severity}, since"
            f" {self.opened_at:%Y-%m-%d %H:%M:%S} UTC{until}: {self.summary.rstrip('.')}. See {self.runbook}"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "text": self.text,
            "incident_id": self.incident_id,
            "stream": self.stream,
            "kind": self.kind,
            "severity": self.severity,
            "opened_at": self.opened_at.isoformat(),
            "closed_at": self.closed_at.isoformat() if self.closed_at else None,
            "summary": self.summary,
            "details": self.details,
            "runbook": self.runbook,
        }


def tell_due(connection: psycopg.Connection, settings: AlertSettings) -> int:
    """
    Tell what is to be told now and nobody else is telling. Returns how many were delivered. What could not be
    delivered is tried again by whoever looks after `alerts.retry_seconds`.
    """
    delivered = 0
    while alert := _claim(connection, settings):
        # A webhook that is tried again is not news for the log.
        if alert.attempts == 1:
            log.warning("%s", alert.text)
        channels = ["log"]
        if settings.webhook_url is not None:
            if trouble := post(alert, settings):
                _not_told(connection, alert, trouble, settings)
                # Whoever does not take one takes no other; the rest comes with the next look.
                break
            channels.append("webhook")
        _told(connection, alert, ", ".join(channels))
        delivered += 1
    return delivered


def post(alert: Alert, settings: AlertSettings) -> str | None:
    """Send it to the webhook. Returns what was in the way, without the address; None: it was taken."""
    if settings.webhook_url is None:
        return "no webhook is set"
    # The client writes each address it calls into its log; whoever has this one can write to the channel.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    trouble = ""
    with httpx.Client(timeout=settings.webhook_timeout_seconds) as client:
        for _ in range(settings.webhook_attempts):
            try:
                answer = client.post(settings.webhook_url.get_secret_value(), json=alert.as_json())
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                trouble = type(error).__name__
                continue
            if answer.is_success:
                return None
            trouble = f"it answered {answer.status_code}"
    return trouble


def _claim(connection: psycopg.Connection, settings: AlertSettings) -> Alert | None:
    claim = settings.webhook_attempts * 4 * settings.webhook_timeout_seconds + CLAIM_MARGIN_SECONDS
    with connection.cursor(row_factory=class_row(Alert)) as cursor:
        return cursor.execute((SQL / "claim_alert.sql").read_bytes(), {"claim": claim}).fetchone()


def _told(connection: psycopg.Connection, alert: Alert, how: str) -> None:
    binds = {
        "incident_id": alert.incident_id,
        "how": how,
        "told_as": alert.told_as,
        "claimed_until": alert.notify_after,
    }
    connection.execute((SQL / "alert_told.sql").read_bytes(), binds)


def _not_told(connection: psycopg.Connection, alert: Alert, trouble: str, settings: AlertSettings) -> None:
    log.warning(
        "Telling the webhook (alerts.webhook_url) of incident %d: %s, after %d tries. It is tried again in"
        " %g s. See docs/runbooks/supervise_streams.md, 'Nobody is told'",
        alert.incident_id, trouble, settings.webhook_attempts, settings.retry_seconds,
    )  # fmt: skip
    binds = {
        "incident_id": alert.incident_id,
        "claimed_until": alert.notify_after,
        "retry": settings.retry_seconds,
    }
    connection.execute((SQL / "alert_not_told.sql").read_bytes(), binds)
