"""
Some hours of silver and gold made anew from bronze, in the shadow, while orders stream; then compared, or
swapped in by the lake writer.

    python -m spark.batch.rebuild_hours 2026-11-25T10 2026-11-25T12 --check      # writes to shadow/
    python -m spark.batch.rebuild_hours 2026-11-25T10 2026-11-25T12 --replace    # and asks for the swap
    spark-submit spark/batch/rebuild_hours.py SINCE UNTIL --record NAME --by RUN # and leaves it to be decided
"""

import argparse
import logging
import os
import shutil
import sys
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import psycopg
import pyspark.sql.functions as F
from pyspark.sql import DataFrame, SparkSession

from include.lake_readers import begin_reading
from include.rebuild.record import record
from include.sales_db import connect
from include.settings import LakeSettings, PostgresSettings, Settings, get_settings
from include.table_requests import ReplaceHours, ask, await_outcome, full_hour
from lake.contract import MAX_FUTURE_MINUTES
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, shadow
from spark.batch.command import carry_out, leave
from spark.batch.hour_comparison import compare_hours, read_ledger
from spark.batch.rebuild_lake import (
    DATABASE_PATIENCE_SECONDS,
    SentAgain,
    disposed_records,
    last_closed_batch,
    read,
    sent_again_records,
    write,
    write_gold,
)
from spark.session import get_session
from spark.streaming.database import Database
from spark.streaming.delta_log import ensure_table
from spark.streaming.hour_swap import EVENT_TIME, in_hours
from spark.transforms.orders import silver_orders

log = logging.getLogger("rebuild")
# The lake writer comes to it between two batches, or when it has started.
SWAPPED_WITHIN_SECONDS = 600


def rebuild_hours(spark: SparkSession, lake: LakeSettings, what: ReplaceHours, sent_again: SentAgain) -> None:
    """Make the rows of `what` under its shadow, from bronze and from what silver has of other hours."""
    target = shadow(lake.root, what.shadow)
    shutil.rmtree(target, ignore_errors=True)
    for table in EVENT_TIME:
        ensure_table(spark, table, target)
    disposed = disposed_records(_records(spark, lake.root, what), lake, sent_again)
    accepted = silver_orders(disposed.where("disposition is null"))
    orders = accepted.where(in_hours(what, EVENT_TIME[SILVER_ORDERS]))
    write(orders.join(_elsewhere(spark, lake.root, what), "order_id", "left_anti"), SILVER_ORDERS, target)
    write_gold(read(spark, SILVER_ORDERS, target), target)


def _records(spark: SparkSession, root: Path, what: ReplaceHours) -> DataFrame:
    """Of bronze, all that may be an order of these hours: none arrives much before it was placed."""
    earliest = what.since - timedelta(minutes=MAX_FUTURE_MINUTES)
    bronze = read(spark, BRONZE_ORDERS, root)
    return bronze.where(bronze.date_utc >= F.lit(earliest.date())).where(bronze.batch_id <= what.up_to)


def _elsewhere(spark: SparkSession, root: Path, what: ReplaceHours) -> DataFrame:
    """
    The ids of orders that silver has in other hours: what claims to be one of them is its repeat or
    contradicts it, also when the accepted record arrived on a day that was not read again.
    """
    silver = read(spark, SILVER_ORDERS, root)
    return silver.where(f"not ({in_hours(what, EVENT_TIME[SILVER_ORDERS])})").select("order_id")


def swap(settings: Settings, database: Database, what: ReplaceHours) -> None:
    """
    Let the lake writer swap the hours in, and wait until it has.

    Raises:
        TableRequestFailed: it refused, or did not come to it in time.
    """
    # Asked twice, because an answer was lost, it is done twice, and twice is once.
    number = database.run_patiently(
        lambda connection: ask(connection, what, by="saleslake rebuild"), seconds=DATABASE_PATIENCE_SECONDS
    )
    log.info("table request %d: waiting for the lake writer", number)
    done = await_outcome(partial(connected, settings.postgres), number, seconds=SWAPPED_WITHIN_SECONDS)
    result = done.result or {}
    print(
        f"table request {number}: {result['hours']} hours, {result['orders']:,} orders,"
        f" {result['revenue_cents']:,} cents swapped in after {result['seconds']} s"
    )


def connected(postgres: PostgresSettings) -> closing[psycopg.Connection]:
    return closing(connect(postgres, application_name="saleslake rebuild", autocommit=True))


def run(settings: Settings, args: argparse.Namespace) -> bool:
    database = Database(settings.postgres, application_name="saleslake rebuild")
    name = args.record or f"hours-{args.since:%Y%m%dT%H}-{os.getpid()}"
    database.run_patiently(begin_reading, seconds=DATABASE_PATIENCE_SECONDS)
    what = ReplaceHours(name, args.since, args.until, up_to=last_closed_batch(database))
    spark = get_session("saleslake rebuild hours", settings.stream)
    try:
        rebuild_hours(spark, settings.lake, what, sent_again_records(database, settings))
        ledger = database.run_patiently(partial(read_ledger, what=what), seconds=DATABASE_PATIENCE_SECONDS)
        found = compare_hours(spark, settings.lake.root, what, ledger)
        print(found.as_markdown(), flush=True)
        if args.record:
            hours = (args.since, args.until)
            database.run_patiently(
                lambda connection: record(connection, name, hours, what.up_to, args.by, found),
                seconds=DATABASE_PATIENCE_SECONDS,
            )
        if args.replace:
            swap(settings, database, what)
        return found.state == "equal" or args.replace or bool(args.record)
    finally:
        # What was recorded waits for a decision; whoever makes it, removes it.
        if not args.record:
            shutil.rmtree(shadow(settings.lake.root, name), ignore_errors=True)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="rebuild_hours", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("since", type=full_hour, metavar="SINCE", help="the first hour (2026-11-25T10, UTC)")
    parser.add_argument("until", type=full_hour, metavar="UNTIL", help="the first hour after the last")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="compare with the stream, change nothing")
    what.add_argument("--replace", action="store_true", help="let the lake writer swap the hours in")
    what.add_argument(
        "--record", metavar="NAME", help="compare, write it to ops.hour_rebuilds and keep shadow/NAME"
    )
    parser.add_argument("--by", default="", metavar="WHO", help="who asked for it, for ops.hour_rebuilds")
    args = parser.parse_args(argv)
    if args.until <= args.since:
        parser.error(f"UNTIL {args.until:%Y-%m-%dT%H} is not after SINCE {args.since:%Y-%m-%dT%H}")
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    try:
        return carry_out(
            lambda: run(get_settings(), args),
            replacing=args.replace,
            doing="Rebuilding hours from bronze",
            what_is_true="No table was changed.",
        )
    except psycopg.Error as error:
        print(f"Rebuilding hours: PostgreSQL: {error} No table was changed; run it again.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    leave(main())
