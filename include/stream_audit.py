"""What is too dear for a look every few seconds: the whole ledger, and the look-up of orders on the disk."""

import time
from pathlib import Path

import psycopg

from include.ledger import Books, read_books
from include.measures import Audit, LedgerAudit, OrderIndexSize
from include.settings import SupervisionSettings
from include.stream_facts import STREAM
from lake.tables import order_index

SQL = Path(__file__).with_name("sql")
# A ledger of years takes its time: adding it up may cost the database one part in so many.
AUDIT_SHARE = 100


def read_audit(connection: psycopg.Connection, lake_root: Path, settings: SupervisionSettings) -> Audit:
    """The last audit of the ledger, which is made anew when it is time; and the size of the look-up."""
    found = connection.execute("select coalesce(sum(orders), 0)::bigint from ops.hour_ledger").fetchone()
    index = OrderIndexSize(found[0] if found else 0, _size(order_index(lake_root)))
    return Audit(_last_audit(connection) or _audit(connection, settings), index)


def _last_audit(connection: psycopg.Connection) -> LedgerAudit | None:
    """None: there is none, or it is time for another."""
    binds = {"stream": STREAM, "share": AUDIT_SHARE}
    row = connection.execute((SQL / "last_ledger_audit.sql").read_bytes(), binds).fetchone()
    return LedgerAudit(*row) if row else None


def _audit(connection: psycopg.Connection, settings: SupervisionSettings) -> LedgerAudit:
    began = time.monotonic()
    books = _books_in_time(connection, settings.max_books_seconds)
    binds = {
        "stream": STREAM,
        "seconds": time.monotonic() - began,
        "balances": books.balances if books else None,
        "read_rows": books.totals.read_rows if books else None,
        "records_unaccounted": books.records_unaccounted if books else None,
        "cents_unaccounted": books.totals.unplaced_cents if books else None,
        "holes": books.holes if books else None,
    }
    row = connection.execute((SQL / "keep_ledger_audit.sql").read_bytes(), binds).fetchone()
    assert row is not None  # noqa: S101 - an upsert returns its row
    return LedgerAudit(*row)


def _books_in_time(connection: psycopg.Connection, seconds: int) -> Books | None:
    try:
        with connection.transaction():
            connection.execute(f"set local statement_timeout = '{seconds:d}s'")
            return read_books(connection)
    except psycopg.errors.QueryCanceled:
        return None


def _size(folder: Path) -> int | None:
    """Bytes of the files in it; files come and go while RocksDB compacts."""
    if not folder.is_dir():
        return None
    total = 0
    for file in folder.iterdir():
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            continue
    return total
