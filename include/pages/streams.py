"""What the page Streams shows: the health of each stream, its books, and what was done to it lately."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Any

import psycopg

from include.ledger import Books, read_books
from include.pages.reading import Row, moment, rows, utc_text
from include.pages.stream_health import stream_health
from include.settings import Settings
from include.stream_watch import STREAM

# Lists on the page, each a file under sql/. One more is a file there and an entry in lists.js.
LISTS = ("incidents", "restarts", "table_requests", "hour_rebuilds", "restatements", "publications")
# The books are added up over all time, which takes longer the older the lake is.
BOOKS_SECONDS = 30.0


class BookKeeper:
    """The books, added up at most every half a minute however many people look."""

    def __init__(self, seconds: float = BOOKS_SECONDS) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._books: Books | None = None
        self._read_at = 0.0

    def books(self, connection: psycopg.Connection) -> Books:
        with self._lock:
            is_old = monotonic() - self._read_at >= self._seconds
            # Empty ones are read again at once: the first batch is what somebody waits for.
            if self._books is None or is_old or self._books.batch_id < 0:
                self._books = read_books(connection)
                self._read_at = monotonic()
            return self._books


def read_streams(settings: Settings, keeper: BookKeeper) -> dict[str, Any]:
    """Everything on the page but the rejected records by reason, which are in the lake; see rejections.py."""
    with moment(settings.postgres, "sales_loader") as connection:
        return {
            "checked_at": utc_text(_now(connection)),
            "currency": settings.lake.reporting_currency,
            "streams": [_orders(connection, settings)],
            "ledger": _ledger(connection, keeper),
            **{name: rows(connection, name, stream=STREAM) for name in LISTS},
        }


def _orders(connection: psycopg.Connection, settings: Settings) -> dict[str, Any]:
    found = rows(connection, "progress", stream=STREAM)
    progress = found[0] if found else None
    return {
        "stream": STREAM,
        "health": stream_health(connection, settings.supervision, _now(connection)),
        "progress": progress,
        "rates": rates(progress, rows(connection, "read_lately")[0]),
        "rows_by_minute": rows(connection, "rows_by_minute"),
    }


def rates(progress: Row | None, lately: Row) -> dict[str, float | None]:
    """Records a second: those that came in over the last minutes, and those that the last batch managed."""
    rows_, seconds = (progress[name] if progress else None for name in ("batch_rows", "batch_seconds"))
    return {
        "read_per_second": lately["read_rows"] / lately["seconds"],
        "batches_per_minute": lately["batches"] / lately["seconds"] * 60,
        "last_batch_per_second": rows_ / seconds if rows_ and seconds else None,
    }


def _ledger(connection: psycopg.Connection, keeper: BookKeeper) -> dict[str, Any]:
    """The books in words and numbers; cents as text, because what refused orders claim may be any number."""
    try:
        with connection.transaction():
            books = keeper.books(connection)
    except psycopg.errors.QueryCanceled:
        return {
            "trouble": "Adding up the ledger took too long for this page; `saleslake status --json` has it."
        }
    totals = asdict(books.totals)
    return {
        "balances": books.balances,
        "batch_id": books.batch_id,
        "closed_at": utc_text(books.closed_at),
        "holes": books.holes,
        "records_unaccounted": books.records_unaccounted,
        "rows": _by_place(totals, "rows"),
        "cents": {place: str(value) for place, value in _by_place(totals, "cents").items()},
    }


def _by_place(totals: Mapping[str, int], unit: str) -> dict[str, int]:
    return {place: totals[f"{place}_{unit}"] for place in ("read", "silver", "duplicate", "quarantined")}


def _now(connection: psycopg.Connection) -> datetime:
    row = connection.execute("select now()").fetchone()
    assert row is not None  # noqa: S101 - a select without a table gives a row
    return row[0]
