"""
Silver and gold made anew from bronze: in the shadow, held against the ledger, then compared or swapped in.

    python -m spark.batch.rebuild_lake --check     # does the rebuild equal the stream? Writes to shadow/ only
    python -m spark.batch.rebuild_lake --replace   # `saleslake rebuild --from-bronze`: needs the writer down
"""

import argparse
import logging
import os
import shutil
from contextlib import ExitStack
from pathlib import Path

import pyspark.sql.functions as F
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from include.errors import NothingToHeal, TableDamaged
from include.lake_readers import begin_reading
from include.redrive.marks import read_reasons
from include.settings import LakeSettings, Settings, get_settings
from lake.schemas.orders import COLUMNS
from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
    Table,
    order_index,
    shadow,
)
from spark.batch.command import carry_out, leave
from spark.batch.comparison import compared
from spark.batch.ledger_proof import differences_from_ledger
from spark.batch.replacement import LastCommit, last_commit, replace
from spark.session import get_session
from spark.streaming.database import Database
from spark.streaming.delta_log import ensure_table
from spark.streaming.email_key import email_key
from spark.streaming.ledger import last_closed
from spark.streaming.opening import verify_last_batch
from spark.streaming.process import lock_for_java, sole_writer
from spark.streaming.records import as_judged
from spark.streaming.table_check import verify_tables
from spark.transforms.gold import order_value_minute, product_sales_minute
from spark.transforms.orders import silver_orders, silver_rejected, with_disposition_in_order

log = logging.getLogger("rebuild")
# A rebuild takes minutes; a server that is away for seconds should not end it.
DATABASE_PATIENCE_SECONDS = 30
REBUILT = (SILVER_ORDERS, SILVER_REJECTED, GOLD_PRODUCT_SALES_MINUTE, GOLD_ORDER_VALUE_MINUTE)


# Partition, offset and the reasons for which a record was quarantined before it was sent again.
SentAgain = list[tuple[int, int, list[str]]]
SENT_AGAIN = "partition int, offset bigint, standing_reasons array<string>"


def rebuild(
    spark: SparkSession, lake: LakeSettings, target: Path, sent_again: SentAgain, *, up_to: int
) -> None:
    """Make every table but bronze under `target` from bronze's batches up to `up_to`. Twice is once."""
    shutil.rmtree(target, ignore_errors=True)
    for table in REBUILT:
        ensure_table(spark, table, target)
    bronze = read(spark, BRONZE_ORDERS, lake.root)
    records = bronze.where(bronze.batch_id <= up_to)
    disposed = disposed_records(records, lake, sent_again).persist(StorageLevel.MEMORY_AND_DISK)
    write(silver_orders(disposed.where("disposition is null")), SILVER_ORDERS, target)
    write(silver_rejected(disposed.where("disposition is not null")), SILVER_REJECTED, target)
    disposed.unpersist()
    write_gold(read(spark, SILVER_ORDERS, target), target)


def write_gold(silver: DataFrame, target: Path) -> None:
    write(product_sales_minute(silver, "batch_id"), GOLD_PRODUCT_SALES_MINUTE, target)
    write(order_value_minute(silver, "batch_id"), GOLD_ORDER_VALUE_MINUTE, target)


def disposed_records(bronze: DataFrame, lake: LakeSettings, sent_again: SentAgain) -> DataFrame:
    """Rows of bronze, judged, each with its `disposition` among them."""
    judged = as_judged(bronze, lake, key=email_key(lake.email_hmac_key_file), keep=["batch_id"])
    marks = bronze.sparkSession.createDataFrame(sent_again, SENT_AGAIN)
    return judged.transform(with_standing_reasons, marks).transform(with_disposition_in_order)


def with_standing_reasons(judged: DataFrame, sent_again: DataFrame) -> DataFrame:
    """
    What was sent again stays quarantined: a rule relaxed since would let the original in beside its copy.

    Args:
        judged: columns of `judged_orders`.
        sent_again: columns of SENT_AGAIN.
    """
    marked = judged.join(F.broadcast(sent_again), on=["partition", "offset"], how="left")
    return marked.withColumn("reasons", F.coalesce("standing_reasons", "reasons")).drop("standing_reasons")


def read(spark: SparkSession, table: Table, root: Path) -> DataFrame:
    return spark.read.format("delta").load(str(table.path(root)))


def write(rows: DataFrame, table: Table, root: Path) -> None:
    log.info("  %s", table.full_name)
    kept = rows.select(*COLUMNS[table].names).repartition(table.partition_by)
    kept.write.format("delta").mode("append").save(str(table.path(root)))


def check(spark: SparkSession, settings: Settings, database: Database) -> bool:
    """Whether the rebuild equals ledger and stream, said table by table. Changes nothing."""
    closed = last_closed_batch(database)
    sent_again = sent_again_records(database, settings)
    target = shadow(settings.lake.root, f"check-{os.getpid()}")
    try:
        rebuild(spark, settings.lake, target, sent_again, up_to=closed)
        problems = database.run(lambda c: differences_from_ledger(c, target, up_to=closed))
        print(f"ops.ledger: {'equal' if not problems else '; '.join(problems)}")
        equal = not problems
        for table in REBUILT:
            said = compared(spark, table, settings.lake.root, target, up_to=closed)
            print(f"{table.full_name}: {said.text}")
            equal = equal and said.is_equal
        return equal
    finally:
        shutil.rmtree(target, ignore_errors=True)


def replace_all(spark: SparkSession, settings: Settings, database: Database) -> None:
    """
    Swap silver and gold for what bronze says. The caller holds the lake's lock.

    Every table is swapped in one commit of its own; each equals the ledger, so a run that is killed in
    between leaves a lake that is right in part, and the next run completes it.

    Raises:
        TableDamaged: what was rebuilt differs from the ledger; nothing was swapped.
    """
    root = settings.lake.root
    closed = last_closed_batch(database)
    bronze = database.run(lambda connection: last_commit(root, connection, at_least=closed))
    target = shadow(root, "rebuild")
    rebuild(spark, settings.lake, target, sent_again_records(database, settings), up_to=bronze.batch_id)
    _refuse_another_result(database.run(lambda c: differences_from_ledger(c, target, up_to=closed)))
    _swap(spark, root, target, bronze)
    # Derived from silver; the next start makes it anew.
    shutil.rmtree(order_index(root), ignore_errors=True)
    database.run(lambda connection: verify_tables(root, connection))
    verify_last_batch(root, database)
    shutil.rmtree(target, ignore_errors=True)


def sent_again_records(database: Database, settings: Settings) -> SentAgain:
    topic = settings.kafka.orders_topic
    return database.run_patiently(lambda c: read_reasons(c, topic), seconds=DATABASE_PATIENCE_SECONDS)


def _swap(spark: SparkSession, root: Path, target: Path, bronze: LastCommit) -> None:
    log.info("swapping in")
    for table in REBUILT:
        replace(spark, table, root, target, bronze)


def _refuse_another_result(problems: list[str]) -> None:
    if problems:
        raise TableDamaged(
            f"Rebuilding silver and gold from bronze: it differs from the ledger: {'; '.join(problems)}."
            " Nothing was swapped; the result lies in shadow/rebuild. Either bronze is damaged, or rules or"
            " settings (lake.reporting_currency) changed since those batches were closed:"
            " docs/runbooks/supervise_streams.md, 'A table is damaged'."
        )


def last_closed_batch(database: Database) -> int:
    closed = database.run_patiently(last_closed, seconds=DATABASE_PATIENCE_SECONDS)
    if closed is None:
        raise NothingToHeal(
            "Rebuilding silver and gold: the ledger has no closed batch, so there is nothing to rebuild them"
            " to. Nothing was changed. `saleslake status` shows whether the stream runs."
        )
    return closed.batch_id


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="rebuild_lake", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="compare with ledger and stream, change nothing")
    what.add_argument("--replace", action="store_true", help="swap the rebuilt tables in")
    return parser.parse_args(argv)


def run(settings: Settings, *, replacing: bool) -> bool:
    database = Database(settings.postgres, application_name="saleslake rebuild")
    root = settings.lake.root
    database.run_patiently(begin_reading, seconds=DATABASE_PATIENCE_SECONDS)
    with ExitStack() as held:
        if replacing:
            held.enter_context(sole_writer(root))
        spark = get_session("saleslake rebuild", settings.stream)
        if not replacing:
            return check(spark, settings, database)
        held.callback(lock_for_java(spark, root).close)
        replace_all(spark, settings, database)
        return True


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    return carry_out(
        lambda: run(get_settings(), replacing=args.replace),
        replacing=args.replace,
        doing="Rebuilding silver and gold from bronze",
        what_is_true="What was swapped in before is right; the rest is as it was.",
    )


if __name__ == "__main__":
    leave(main())
