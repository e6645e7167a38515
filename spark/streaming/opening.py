"""Before the first batch: do checkpoint, tables, topic, ledger and index belong together?"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.dataset as ds

from include.errors import CheckpointMismatch, RecordsGone, TableDamaged
from lake.reading import delta_table, record_batches
from lake.tables import SILVER_ORDERS, checkpoint
from spark.streaming.accounts import read_books
from spark.streaming.checkpoint_check import numbers_in, verify_checkpoint
from spark.streaming.database import Database
from spark.streaming.delta_log import last_batch
from spark.streaming.generation import (
    HOW_TO_ADOPT,
    QUERY,
    Generation,
    Offsets,
    app_id,
    begin_generation,
    load_generation,
)
from spark.streaming.ledger import closed_offsets, last_closed, record_generation
from spark.streaming.order_index import AcceptedOrder, OrderIndex
from spark.streaming.plan import read_plan
from spark.streaming.table_check import verify_tables
from spark.streaming.table_shape import refuse_misfits
from spark.streaming.topic import Topic

log = logging.getLogger(__name__)
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
        begun = begin_generation(
            root,
            topic=topic.name,
            topic_id=identity,
            first_batch_id=0,
            starting_offsets=topic.beginning_offsets(),
            email_key=email_key,
        )
        database.run(lambda connection: record_generation(connection, begun, reason="first start"))
        return begun
    # Again at every start: the last one may have ended between the file and the row.
    database.run(lambda connection: record_generation(connection, generation, reason="first start"))
    refuse_another_topic(root, generation, identity)
    refuse_another_key(root, generation, email_key)
    _refuse_another_ledger(root, generation, closed)
    return generation


def refuse_another_topic(root: Path, generation: Generation, identity: str) -> None:
    if generation.topic_id != identity:
        raise CheckpointMismatch(
            f"Starting the stream on {root}: its checkpoint was made for topic {generation.topic} with id"
            f" {generation.topic_id}, the broker's topic of that name has id {identity}: it was deleted and"
            " made again, and offsets mean other records now. Nothing was written. Bring the old topic"
            f" back, or start a new lake: {RUNBOOK}."
        )


def refuse_another_key(root: Path, generation: Generation, email_key: str) -> None:
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
    beyond = {p: end for p, end in closed.items() if end > planned.get(p, begun.get(p, 0))}
    if behind:
        raise CheckpointMismatch(
            f"Starting the stream on {root}: the checkpoint has done offsets {done}, ops.ledger ends at"
            f" {closed}. The database was restored from an older time than the lake, or belongs to another"
            f" one. Nothing was written. Restore both from one time: {RUNBOOK}."
        )
    if beyond:
        raise CheckpointMismatch(
            f"Starting the stream on {root}: the checkpoint has planned offsets {planned}, ops.ledger ends at"
            f" {closed}. The checkpoint is older than the ledger. Nothing was written. {HOW_TO_ADOPT}"
        )


def _end_of(root: Path, generation: Generation, log_of: str) -> Offsets:
    numbers = numbers_in(checkpoint(root, QUERY) / log_of)
    return read_plan(root, generation, numbers[-1]).end if numbers else {}


def verify_start(root: Path, generation: Generation, topic: Topic, database: Database) -> None:
    """
    Checkpoint, topic and tables are as the ledger knows them. Looks at files and offsets; needs no Spark.

    Raises:
        CheckpointMismatch, RecordsGone, TableDamaged: what differs, and the command that heals it.
    """
    database.run(lambda connection: verify_checkpoint(root, generation, connection))
    closed = database.run(lambda connection: closed_offsets(connection, topic.name))
    refuse_gone_records(topic, {**generation.starting_offsets, **closed})
    refuse_misfits(root)
    database.run(lambda connection: verify_tables(root, connection))
    verify_last_batch(root, database)


def refuse_gone_records(topic: Topic, wanted: Offsets) -> None:
    """
    The topic still has every record that was not read yet.

    Args:
        wanted: the first offset that was not read, by partition.

    Raises:
        RecordsGone: it has not, or it ends before what was read.
    """
    begins, ends = topic.beginning_offsets(), topic.end_offsets()
    gone = {p: (wanted.get(p, 0), begin) for p, begin in begins.items() if begin > wanted.get(p, 0)}
    if gone:
        ranges = " ".join(f"{p}:{start}-{end}" for p, (start, end) in sorted(gone.items()))
        records = sum(end - start for start, end in gone.values())
        raise RecordsGone(
            f"Starting the stream: topic {topic.name} no longer has {records:,} records that were never read,"
            f" {ranges} (partition:first-end): its retention passed them, or they were deleted. Nothing was"
            " written. Send those orders again if they can be found, or go on without them:"
            f' `saleslake accept-loss {ranges} --by NAME --why "..."`. See {RUNBOOK}.'
        )
    short = {p: (ends.get(p, 0), offset) for p, offset in wanted.items() if ends.get(p, 0) < offset}
    if short:
        raise RecordsGone(
            f"Starting the stream: topic {topic.name} ends before what the lake has read of it: {short}"
            " (partition: end, read up to). The broker lost records that are in the lake, and would give"
            " their offsets to others. Nothing was written. Bring the broker's data back, or start a new"
            f" lake: {RUNBOOK}."
        )


def verify_last_batch(root: Path, database: Database) -> None:
    """
    The tables still hold the last batch that was closed, row for row and cent for cent.

    Raises:
        TableDamaged: a table was restored alone, or its files were changed.
    """
    closed = database.run(last_closed)
    if closed is None:
        return
    books = read_books(root, app_id=app_id(closed.generation), batch_id=closed.batch_id)
    found = [books.bronze_rows.total()]
    for layer in (books.silver, books.duplicates, books.quarantined):
        found += [layer.rows.total(), layer.cents.total()]
    found += [books.gold_order_cents]
    if found != closed.sums:
        raise TableDamaged(
            f"Starting the stream on {root}: of batch {closed.batch_id} the ledger has {closed.sums}, the"
            f" tables hold {found} (rows read; rows and cents in silver, duplicate, quarantined; cents in"
            " gold). Nothing was written. `saleslake rebuild --from-bronze` makes silver and gold anew:"
            " docs/runbooks/supervise_streams.md, 'A table is damaged'."
        )


def open_index(
    path: Path, root: Path, generation: Generation, moved: Callable[[int], None] = lambda count: None
) -> OrderIndex:
    """
    The index of accepted orders, built anew from silver when it is behind it.

    Args:
        moved: told how many orders it has so far, every few thousand.
    """
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
    count = index.extend(orders, generation=generation.key, since=since, batch_id=wanted, moved=moved)
    log.info("the order index has %d orders more", count)
    return index


def _orders_of_silver(root: Path, since: int) -> Iterator[list[AcceptedOrder]]:
    columns = ["order_id", "order_hash", "partition", "offset"]
    silver = delta_table(SILVER_ORDERS, root).to_pyarrow_dataset()
    for batch in record_batches(silver, columns, ds.field("batch_id") > since):
        rows = zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
        yield [AcceptedOrder(o, bytes.fromhex(h), p, n) for o, h, p, n in rows]
