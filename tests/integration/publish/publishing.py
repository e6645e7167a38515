"""What the tests of publishing share: an hour, two orders in it, and short words for publishing them."""

from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg

from include.publish.content import content
from include.publish.marts import MARTS
from include.publish.request import Request
from include.publish.run import publish
from include.publish.summary import Summary
from include.settings import PublishSettings
from tests.lake_double import LakeDouble, line, silver_order

HOUR = datetime(2026, 11, 22, 10, tzinfo=UTC)
LATER = HOUR + timedelta(hours=5)
SETTINGS = PublishSettings(grace_minutes=10, lock_timeout_seconds=1)
EVERYTHING = Request("run-1", changed="all")


def rows(connection: psycopg.Connection, query: LiteralString) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def run(lake: LakeDouble, request: Request = EVERYTHING) -> Summary:
    return publish(lake.connection, lake.root, SETTINGS, request)


def outcomes(summary: Summary) -> list[str]:
    return [result.outcome for result in summary.results]


def hashes(connection: psycopg.Connection) -> list[tuple[int, int, str]]:
    return [content(connection, mart, HOUR) for mart in MARTS]


def two_orders() -> list[dict[str, Any]]:
    return [
        silver_order("O-1", HOUR + timedelta(minutes=1)),
        silver_order("O-2", HOUR + timedelta(minutes=2), region="APAC", lines=[line(product_id="P-2")]),
    ]
