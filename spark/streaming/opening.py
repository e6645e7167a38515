"""Before the first batch: do checkpoint, tables, topic, ledger and index belong together?"""

import logging
from collections.abc import Iterator
from pathlib import Path

import psycopg
from deltalake import DeltaTable

from include.errors import CheckpointMismatch
from lake.tables import SILVER_ORDERS, checkpoint
from spark.streaming.database import Database
from spark.streaming.delta_log import last_batch
from spark.streaming.generation import (
    QUERY,
    Generation,
    begin_generation,
    load_generation,
    read_plan,
)
from spark.streaming.order_index import AcceptedOrder, OrderIndex
from spark.streaming.topic import Topic

log = logging.getLogger(__name__)


def open_generation(root: Path, topic: Topic, database: Database) -> Generation:
    """
    The generation of the checkpoint, or the first one of an empty lake.

    Raises:
        CheckpointMismatch: the checkpoint does not belong to these tables, this topic or this ledger.
    """
    identity = topic.identity()
    generation = load_generation(root)
    if generation is None:
        _refuse_ledger_without_lake(root, topic.name, database)
        return begin_generation(
            root,
            topic=topic.name,
            topic_id=identity,
            first_batch_id=0,
            starting_offsets=topic.beginning_offsets(),
        )
    if generation.topic_id != identity:
        raise CheckpointMismatch(
            f"Starting the stream on {root}: its checkpoint was made for topic {generation.topic} with id"
            f" {generation.topic_id}, the broker's topic of that name has id {identity}: it was deleted and"
            " made again."
            " Its offsets mean other records now. Nothing was written. Bring the old topic back, or start a"
            " new lake."
        )
    _refuse_ledger_behind_checkpoint(root, generation, database)
    return generation


def _refuse_ledger_without_lake(root: Path, topic: str, database: Database) -> None:
    closed = database.run(lambda connection: closed_offsets(connection, topic))
    if closed:
        raise CheckpointMismatch(
            f"Starting the stream on the empty lake {root}: ops.ledger already has offsets up to {closed},"
            " of another"
            " lake. Orders would be counted twice in `live`. Nothing was written. Correct lake.root, or use"
            " a fresh"
            " database."
        )


def _refuse_ledger_behind_checkpoint(root: Path, generation: Generation, database: Database) -> None:
    done = last_done(root)
    if done is None:
        return
    plan = read_plan(root, generation, done)
    start, end = plan.start, plan.end
    closed = database.run(lambda connection: closed_offsets(connection, generation.topic))
    open_partitions = {p: closed.get(p) for p in end if end[p] > max(start[p], closed.get(p, 0))}
    if open_partitions:
        raise CheckpointMismatch(
            f"Starting the stream on {root}: the checkpoint has read up to offsets {dict(end)}, ops.ledger"
            " ends at"
            f" {open_partitions}. The database was restored from an older state or is another one. Nothing"
            " was"
            " written. Restore a database that has these batches, or correct the postgres settings."
        )


def closed_offsets(connection: psycopg.Connection, topic: str) -> dict[int, int]:
    """The first offset after the last closed batch, by partition."""
    rows = connection.execute(
        "select partition, max(end_offset) from ops.ledger where topic = %s group by partition", [topic]
    )
    return dict(rows.fetchall())


def last_done(root: Path) -> int | None:
    """The last Spark batch that the checkpoint calls done; None before the first."""
    numbers = [int(path.name) for path in (checkpoint(root, QUERY) / "commits").glob("[0-9]*")]
    return max(numbers, default=None)


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
    log.info("the order index is behind silver (%s, needed %d): building it anew", applied, wanted)
    count = index.rebuild(_orders_of_silver(root), generation=generation.key, batch_id=wanted)
    log.info("the order index holds %d orders", count)
    return index


def _orders_of_silver(root: Path) -> Iterator[list[AcceptedOrder]]:
    columns = ["order_id", "order_hash", "partition", "offset"]
    silver = DeltaTable(str(SILVER_ORDERS.path(root))).to_pyarrow_dataset()
    for batch in silver.to_batches(columns=columns):
        rows = zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
        yield [AcceptedOrder(o, bytes.fromhex(h), p, n) for o, h, p, n in rows]
