"""Records that the topic no longer has and that were never read: named exactly, and written down."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psycopg

from include.errors import NothingToHeal
from spark.streaming.generation import Offsets

SQL = Path(__file__).with_name("sql")
RANGE = re.compile(r"(\d+):(\d+)-(\d+)")


class Loss(NamedTuple):
    """Offsets from `start` up to `end`, which is the first one that is there again."""

    partition: int
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.start}-{self.end}"


def parse_loss(text: str) -> Loss:
    """`partition:first-end`, as the refused start prints it."""
    found = RANGE.fullmatch(text)
    if found is None or int(found[2]) >= int(found[3]):
        raise ValueError(text)
    return Loss(*map(int, found.groups()))


def narrowed(losses: Iterable[Loss], named_from: Offsets, begins_at: Offsets) -> list[Loss]:
    """
    Ranges as a refused start named them, without what the open batch, which it could not know of, had read.

    Args:
        named_from: where the ledger ended at that start; `begins_at`: where it ends now.
    """
    left = [
        loss._replace(start=max(loss.start, begins_at.get(loss.partition, 0)))
        if loss.start == named_from.get(loss.partition, 0)
        else loss
        for loss in losses
    ]
    return [loss for loss in left if loss.start < loss.end]


def refuse_other_ranges(losses: Iterable[Loss], read_up_to: Offsets, begins: Offsets) -> None:
    """
    Each range is exactly what is missing: from the first offset that was not read to the topic's beginning.

    Raises:
        NothingToHeal: it is not.
    """
    for loss in losses:
        missing = Loss(loss.partition, read_up_to.get(loss.partition, 0), begins.get(loss.partition, 0))
        if loss != missing:
            said = f"{missing} is missing" if missing.end > missing.start else "nothing is missing there"
            raise NothingToHeal(
                f"Accepting the loss of {loss}: in partition {loss.partition} {said}: the lake has read up"
                f" to offset {missing.start}, the topic begins at {missing.end}. No loss was accepted. Name"
                " the ranges as the lake writer's last error does."
            )


def accept(
    connection: psycopg.Connection,
    *,
    topic: str,
    losses: Iterable[Loss],
    after_batch_id: int,
    by: str,
    why: str,
) -> None:
    """Write the losses down, all or none. Twice is once."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            (SQL / "accept_loss.sql").read_bytes(),
            [
                {
                    "topic": topic,
                    "partition": loss.partition,
                    "start_offset": loss.start,
                    "end_offset": loss.end,
                    "after_batch_id": after_batch_id,
                    "accepted_by": by,
                    "why": why,
                }
                for loss in losses
            ],
        )
