"""Before the first batch: do checkpoint, tables, topic, ledger and index belong together?"""

import logging
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow.dataset as ds

from include.errors import CheckpointMismatch
from lake.reading import delta_table, record_batches
from lake.tables import SILVER_ORDERS, checkpoint
from spark.streaming.accounts import read_books
from spark.streaming.database import Database
from spark.streaming.delta_log import last_batch
from spark.streaming.generation import (
    QUERY,
    Generation,
    Offsets,
    begin_generation,
    load_generation,
    read_plan,
)
from spark.streaming.order_index import AcceptedOrder, OrderIndex
from spark.streaming.topic import Topic

log = logging.getLogger(__name__)
SQL = Path(__file__).with_name("sql")
RUNBOOK = "docs/runbooks/supervise_streams.md, 'Checkpoint'"


def open_generation(root: Path, topic: Topic, database: Database, *, email_key: str) -> Generation:
    """
    The generation of the checkpoint, or the first one of an empty lake.

    Args:
        email_key: fingerprint of the key in use.

    Raises:
        CheckpointMismatch: the checkpoint does not belong to these tables, topic, ledger or key.
    """
    identity = topic.identity()
    closed = database.run(lambda connection: closed_offsets(connection, topic.name))
    generation = load_generation(root)
    if generation is None:
        _refuse_ledger_of_another_lake(root, closed)
        return begin_generation(
            root,
            topic=topic.name,
            topic_id=identity,
            first_batch_id=0,
            starting_offsets=topic.beginning_offsets(),
            email_key=email_key,
        )
    _refuse_another_topic(root, generation, identity)
    _refuse_another_key(root, generation, email_key)
    _refuse_another_ledger(root, generation, closed)
    return generation


def _refuse_another_topic(root: Path, generation: Generation, identity: str) -> None:
    if generation.topic_id != identity:
        raise CheckpointMismatch(
            f"Starting the stream on {root}: its checkpoint was made for topic {generation.topic} with id"
            f" {generation.topic_id}, the broker's topic of that name has id {identity}: it was deleted and"
            " made again, and offsets mean other records now. Nothing was written. Bring the old topic"
            f" back, or start a new lake: {RUNBOOK}."
        )


def _refuse_another_key(root: Path, generation: Generation, email_key: str) -> None:
    if generation.email_key != email_key:
        raise CheckpointMismatch(
            f"Starting the stream on {root}: lake.email_hmac_key_file holds another key than the one its"
            " silver was written with. Every repeat of an earlier order would look like a conflict. Nothing"
            f" was written. Put the old key back: {RUNBOOK}."
        )


def _refuse_ledger_of_another_lake(root: Path, closed: Offsets) -> None:
    if closed:
        raise CheckpointMismatch(
            f"Starting the stream on the empty lake {root}: ops.ledger already has offsets up to {closed},"
            " of another lake. Orders would be counted twice in `live`. Nothing was written. Correct"
            f" lake.root, or use a fresh database: {RUNBOOK}."
        )


def _refuse_another_ledger(root: Path, generation: Generation, closed: Offsets) -> None:
    """The ledger has every batch that the checkpoint calls done, and none that it has not planned."""
    begun = generation.starting_offsets
    done = _end_of(root, generation, "commits")
    planned = _end_of(root, generation, "offsets")
    behind = {p: closed.get(p) for p, end in done.items() if end > max(closed.get(p, 0), begun.get(p, 0))}
    beyond = {p: end for p, end in closed.items() if end > planned.get(p, 0)}
    if behind or beyond:
        raise CheckpointMismatch(
            f"Starting the stream on {root}: the checkpoint has done offsets {done} and planned {planned},"
            f" ops.ledger ends at {closed}. Lake and database were restored from different times, or belong"
            f" to different lakes. Nothing was written. Restore both from one time: {RUNBOOK}."
        )


def _end_of(root: Path, generation: Generation, log_of: str) -> Offsets:
    numbers = [int(p.name) for p in (checkpoint(root, QUERY) / log_of).glob("[0-9]*")]
    return read_plan(root, generation, max(numbers)).end if numbers else {}


def verify_last_batch(root: Path, generation: Generation, database: Database) -> None:
    """
    The tables still hold the last batch that was closed, row for row and cent for cent.

    Raises:
        CheckpointMismatch: a table was removed, restored alone, or lost its last commit.
    """
    closed = database.run(last_closed)
    if closed is None:
        return
    batch_id, *in_ledger = closed
    books = read_books(root, app_id=generation.app_id, batch_id=batch_id)
    found = [books.bronze_rows.total()]
    for layer in (books.silver, books.duplicates, books.quarantined):
        found += [layer.rows.total(), layer.cents.total()]
    found += [books.gold_order_cents]
    if found != in_ledger:
        raise CheckpointMismatch(
            f"Starting the stream on {root}: of batch {batch_id} the ledger has {in_ledger}, the tables hold"
            f" {found} (rows read; rows and cents in silver, duplicate, quarantined; cents in gold). Nothing"
            f" was written. A table was removed or restored alone, or lost its last commit: {RUNBOOK}."
        )


def last_closed(connection: psycopg.Connection) -> list[int] | None:
    """The last batch of the ledger: its number, and its sums over the partitions."""
    row = connection.execute((SQL / "last_closed.sql").read_bytes()).fetchone()
    return [int(value) for value in row] if row else None


def closed_offsets(connection: psycopg.Connection, topic: str) -> Offsets:
    """The first offset after the last closed batch, by partition."""
    rows = connection.execute(
        "select partition, max(end_offset) from ops.ledger where topic = %s group by partition", [topic]
    )
    return dict(rows.fetchall())


def open_index(path: Path, root: Path, generation: Generation) -> OrderIndex:
    """The index of accepted orders, built anew from silver when it is behind it."""
    index = OrderIndex(path)
    held = last_batch(SILVER_ORDERS, root, app_id=generation.app_id)
    wanted = generation.first_batch_id - 1 if held is None else held
    applied = index.applied()
    if applied is not None and applied[0] == generation.key and applied[1] >= wanted:
        return index
    if applied is None and held is None and generation.first_batch_id == 0:
        return index
    since = applied[1] if applied is not None and applied[0] == generation.key else -1
    if since < 0:
        index.clear()
    log.info("the order index ends at batch %d, silver at %d: reading the rest from silver", since, wanted)
    orders = _orders_of_silver(root, since)
    count = index.extend(orders, generation=generation.key, since=since, batch_id=wanted)
    log.info("the order index has %d orders more", count)
    return index


def _orders_of_silver(root: Path, since: int) -> Iterator[list[AcceptedOrder]]:
    columns = ["order_id", "order_hash", "partition", "offset"]
    silver = delta_table(SILVER_ORDERS, root).to_pyarrow_dataset()
    for batch in record_batches(silver, columns, ds.field("batch_id") > since):
        rows = zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
        yield [AcceptedOrder(o, bytes.fromhex(h), p, n) for o, h, p, n in rows]
