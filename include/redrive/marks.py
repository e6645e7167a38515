"""`ops.redriven`: which records were sent again, and how far a send got."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from include.errors import RedriveError
from include.redrive.position import Position
from include.redrive.request import Request

LOCK = "hashtextextended('saleslake redrive', 0)"
# Only one who was never sent may be taken up again: everybody else keeps the row as it is.
MARK = """
insert into ops.redriven as known (topic, partition, "offset", run_id, fix, reasons, state, topic_ends)
values (%(topic)s, %(partition)s, %(offset)s, %(run_id)s, %(fix)s, %(reasons)s, 'sending', %(ends)s)
on conflict (topic, partition, "offset") do update
set run_id = excluded.run_id, fix = excluded.fix, reasons = excluded.reasons, state = 'sending', detail = '',
    topic_ends = excluded.topic_ends, marked_at = now(), finished_at = null
where known.state = 'not_sent' or (known.state = 'refused' and %(again)s)
"""
FINISH = """
update ops.redriven
set state = %(state)s, detail = %(detail)s, new_partition = %(new_partition)s, new_offset = %(new_offset)s,
    finished_at = now()
where (topic, partition, "offset") = (%(topic)s, %(partition)s, %(offset)s) and state = 'sending'
"""
UNFINISHED = """
select topic, partition, "offset", topic_ends from ops.redriven where topic = %s and state = 'sending'
"""
KNOWN = (
    'select partition, "offset", state, run_id, new_partition, new_offset from ops.redriven where topic = %s'
)
# A copy is read once the ledger covers its offset.
MARKS = """
select r.partition, r."offset", r.state, r.run_id, r.fix, r.new_partition, r.new_offset,
       coalesce(r.new_offset < (select max(l.end_offset) from ops.ledger l
                                where (l.topic, l.partition) = (r.topic, r.new_partition)), false)
from ops.redriven r where r.topic = %s
"""
REASONS = 'select partition, "offset", reasons from ops.redriven where topic = %s'


class Mark(NamedTuple):
    """What `ops.redriven` tells of one record; `is_read` when the lake has the copy."""

    state: str
    run_id: str
    fix: str
    copy: Position | None
    is_read: bool

    def as_json(self) -> dict[str, str | None]:
        copy = None if self.copy is None else str(self.copy)
        return {"state": self.state, "run_id": self.run_id, "fix": self.fix, "copy": copy}


class Outcome(NamedTuple):
    """What became of one send: `sent` to `copy`, `refused` for the reason in `detail`, or `not_sent`."""

    position: Position
    state: str
    copy: Position | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """Records of earlier runs: `done` are not sent again, `unfinished` may be in the topic or not."""

    done: frozenset[Position]
    unfinished: frozenset[Position]
    copies_of_this_run: frozenset[Position]


@contextmanager
def alone(connection: psycopg.Connection) -> Iterator[None]:
    """
    Nobody else sends records again until the end of the block; a connection that breaks lets go.

    Raises:
        RedriveError: somebody does.
    """
    row = connection.execute(f"select pg_try_advisory_lock({LOCK})").fetchone()
    if not (row and row[0]):
        raise RedriveError(
            "Sending rejected records again: another run is at it. Nothing was sent. Wait for its end, then"
            " run again: what it sent is left out."
        )
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute(f"select pg_advisory_unlock({LOCK})")


def read_known(connection: psycopg.Connection, topic: str, request: Request) -> Known:
    """Where `request` takes refused records again, these are not done."""
    done_states = {"sent"} if request.again else {"sent", "refused"}
    rows = connection.execute(KNOWN, (topic,)).fetchall()
    return Known(
        frozenset(Position(topic, p, o) for p, o, state, *_ in rows if state in done_states),
        frozenset(Position(topic, p, o) for p, o, state, *_ in rows if state == "sending"),
        frozenset(
            Position(topic, new_p, new_o)
            for _, _, state, run_id, new_p, new_o in rows
            if state == "sent" and run_id == request.run_id
        ),
    )


def read_marks(connection: psycopg.Connection, topic: str) -> dict[Position, Mark]:
    """By the position of the original."""
    marks = {}
    for partition, offset, state, run_id, fix, new_partition, new_offset, is_read in connection.execute(
        MARKS, (topic,)
    ):
        copy = None if new_partition is None else Position(topic, new_partition, new_offset)
        marks[Position(topic, partition, offset)] = Mark(state, run_id, fix, copy, is_read)
    return marks


def read_reasons(connection: psycopg.Connection, topic: str) -> list[tuple[int, int, list[str]]]:
    """Partition, offset and the reasons each record was quarantined for when it was sent again."""
    return connection.execute(REASONS, (topic,)).fetchall()


def read_unfinished(connection: psycopg.Connection, topic: str) -> dict[Position, dict[int, int]]:
    """Records whose run ended between mark and answer, and the topic's ends before they were sent."""
    rows = connection.execute(UNFINISHED, (topic,)).fetchall()
    return {Position(*row[:3]): {int(number): end for number, end in row[3].items()} for row in rows}


def mark(
    connection: psycopg.Connection,
    request: Request,
    records: Iterable[tuple[Position, Iterable[str]]],
    ends: Mapping[int, int],
) -> frozenset[Position]:
    """Announce the sends, in one transaction. Only what is returned may be sent: the rest was taken."""
    marked = set()
    with connection.transaction():
        for position, reasons in records:
            asked = {"run_id": request.run_id, "fix": request.fix, "again": request.again}
            found = {"reasons": list(reasons), "ends": Jsonb(dict(ends))}
            values = {**position._asdict(), **asked, **found}
            if connection.execute(MARK, values).rowcount:
                marked.add(position)
    return frozenset(marked)


def finish(connection: psycopg.Connection, outcomes: Iterable[Outcome]) -> None:
    """Write down how the sends ended, in one transaction. Twice changes nothing."""
    with connection.transaction():
        for position, state, copy, detail in outcomes:
            where = {"new_partition": copy and copy.partition, "new_offset": copy and copy.offset}
            values = {**position._asdict(), **where, "state": state, "detail": detail[:500]}
            connection.execute(FINISH, values)
