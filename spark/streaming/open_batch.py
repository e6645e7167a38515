"""A batch that bronze has and the ledger has not: finished from bronze, as the stream would from Kafka."""

import logging
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from include.errors import TableDamaged
from include.fault_points import Reach
from include.settings import Settings
from lake.reading import delta_table, record_batches
from lake.tables import BRONZE_ORDERS
from spark.session import get_session
from spark.streaming.closing import ClosedBatch, close_batch
from spark.streaming.database import Database
from spark.streaming.generation import Generation, Offsets
from spark.streaming.lake_writer import open_writer
from spark.streaming.ledger import closed_offsets, last_closed
from spark.streaming.plan import BatchPlan
from spark.streaming.process import lock_for_java
from spark.streaming.records import as_records

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 60


def finish_open_batch(settings: Settings, generation: Generation, database: Database, *, key: bytes) -> None:
    """
    Close the batch that is in bronze and not in the ledger, if there is one. Twice is once.

    Raises:
        TableDamaged: bronze is more than one batch ahead of the ledger.
        LedgerImbalance: what the tables hold of the batch does not add up.
    """
    root = settings.lake.root
    number = _open_batch(root, generation, database)
    if number is None:
        return
    closed = database.run(lambda connection: closed_offsets(connection, generation.topic))
    plan = plan_from_bronze(root, number, {**generation.starting_offsets, **closed})
    log.info("finishing batch %d from bronze", number)
    spark = get_session("saleslake adopt", settings.stream)
    held = lock_for_java(spark, root)
    writer = open_writer(spark, settings, generation, key, partial(_close, database))
    bronze = spark.read.format("delta").load(str(BRONZE_ORDERS.path(root)))
    writer.write(as_records(bronze.where(bronze.batch_id == number)), plan)
    writer.index.close()
    held.close()


def _close(database: Database, batch: ClosedBatch, reach: Reach) -> None:
    database.run_patiently(lambda connection: close_batch(connection, batch, reach), seconds=PATIENCE_SECONDS)


def _open_batch(root: Path, generation: Generation, database: Database) -> int | None:
    if not DeltaTable.is_deltatable(str(BRONZE_ORDERS.path(root))):
        return None
    last = database.run(last_closed)
    closed = generation.first_batch_id - 1 if last is None else last.batch_id
    rows = _bronze(root, ["batch_id"], ds.field("batch_id") > closed)
    numbers = sorted(pc.unique(rows["batch_id"]).to_pylist())
    if len(numbers) > 1:
        raise TableDamaged(
            f"Adopting {root}: bronze.orders has batches {numbers}, the ledger ends at {closed}. More than"
            " one is not closed, which the stream never leaves behind: the database is older than the lake."
            " Nothing was changed. Restore both from one time: docs/runbooks/supervise_streams.md,"
            " 'Checkpoint'."
        )
    return numbers[0] if numbers else None


def _bronze(root: Path, columns: list[str], where: ds.Expression) -> pa.Table:
    dataset = delta_table(BRONZE_ORDERS, root).to_pyarrow_dataset()
    known = pa.schema([dataset.schema.field(name) for name in columns])
    return pa.Table.from_batches(record_batches(dataset, columns, where), known)


def plan_from_bronze(root: Path, number: int, start: Offsets) -> BatchPlan:
    """The plan that a batch in bronze must have had. `start` is what was closed before it."""
    rows = _bronze(root, ["partition", "offset", "ingested_at"], ds.field("batch_id") == number)
    last = rows.group_by("partition").aggregate([("offset", "max")])
    ends = dict(zip(last["partition"].to_pylist(), last["offset_max"].to_pylist(), strict=True))
    end = {**start, **{partition: offset + 1 for partition, offset in ends.items()}}
    begin = {partition: start.get(partition, 0) for partition in end}
    return BatchPlan(number, pc.min(rows["ingested_at"]).as_py(), begin, end)
