"""What the ledger knows about the lake: read at a start, to hold checkpoint, topic and tables against it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from spark.streaming.generation import Generation, Offsets

SQL = Path(__file__).with_name("sql")
LEDGER_PATIENCE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class LastBatch:
    """The last closed batch. `sums` are rows read; rows and cents in silver, duplicate, quarantined; gold."""

    batch_id: int
    generation: str
    sums: list[int]


@dataclass(frozen=True, slots=True)
class Holding:
    """What a table must hold: rows of all closed batches, and the last batch that gave it some (None: no)."""

    rows: int
    last_batch_id: int | None


def last_closed(connection: psycopg.Connection) -> LastBatch | None:
    row = connection.execute((SQL / "last_closed.sql").read_bytes()).fetchone()
    return LastBatch(int(row[0]), str(row[1]), [int(value) for value in row[2:]]) if row else None


def _patiently(
    connection: psycopg.Connection, file: str, binds: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """Of the whole ledger: a year of batches takes minutes."""
    with connection.transaction():
        connection.execute(
            "select set_config('statement_timeout', %s, true)", [f"{LEDGER_PATIENCE_SECONDS}s"]
        )
        return connection.execute((SQL / file).read_bytes(), binds).fetchall()


def closed_offsets(connection: psycopg.Connection, topic: str) -> Offsets:
    """The first offset after what is closed or accepted as lost, by partition."""
    return dict(_patiently(connection, "closed_offsets.sql", {"topic": topic}))


def ends_of_batches(connection: psycopg.Connection, topic: str, *, since: int) -> dict[int, Offsets]:
    """By batch from `since` on: the first offset after it, of the partitions that it read."""
    rows = connection.execute(
        "select batch_id, partition, end_offset from ops.ledger where topic = %s and batch_id >= %s",
        [topic, since],
    )
    ends: dict[int, Offsets] = {}
    for batch_id, partition, end in rows:
        ends.setdefault(batch_id, {})[partition] = end
    return ends


def holdings(connection: psycopg.Connection) -> dict[str, Holding]:
    """By layer of the ledger: `bronze`, `silver`, `rejected`."""
    rows = _patiently(connection, "holdings.sql")
    return {name: Holding(int(held), last) for name, held, last in rows}


def generations(connection: psycopg.Connection) -> list[str]:
    """Every generation that has closed a batch or begun, the newest first."""
    rows = connection.execute("select generation::text from ops.generations order by number desc")
    return [row[0] for row in rows]


def newest_generation(connection: psycopg.Connection) -> Generation | None:
    """The lake's generation as the database knows it; None before the first start."""
    row = connection.execute((SQL / "newest_generation.sql").read_bytes()).fetchone()
    if row is None:
        return None
    uuid, topic, topic_id, first_batch_id, offsets, email_key = row
    starting = {int(partition): int(offset) for partition, offset in offsets.items()}
    return Generation(uuid, topic, topic_id, first_batch_id, starting, email_key)


def record_generation(
    connection: psycopg.Connection, generation: Generation, *, reason: str, begun_by: str = ""
) -> None:
    """The database knows the generation. Twice is once."""
    binds = asdict(generation) | {"reason": reason, "begun_by": begun_by}
    binds["starting_offsets"] = Jsonb(generation.starting_offsets)
    connection.execute((SQL / "record_generation.sql").read_bytes(), binds)
