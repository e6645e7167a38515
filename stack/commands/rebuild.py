"""
Make silver and gold anew from bronze, in the shadow, then swap them in; or only compare them.

`--from-bronze` is for a stream that refuses to start because a table is damaged. The result must equal the
ledger, batch by batch, in rows and cents, or nothing is swapped. Versions of the tables go on counting, live
view and marts are not touched. The lake writer is stopped for it and started again.

`--from-bronze --hours SINCE UNTIL` makes only the orders of those hours anew, while orders stream: the lake
writer swaps them in between two batches, if they equal what the ledger has for each hour.

`--check`, with or without `--hours`, changes nothing and needs no stop: it says table by table whether a
rebuild from bronze equals what the stream has written. Exit code 0 only when all are equal.
"""

import argparse

from include.settings import run_dir
from include.table_requests import full_hour
from stack.layout import RunFolder
from stack.repair import run_alone, run_job


def configure(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--from-bronze", action="store_true", help="rebuild, prove and swap")
    what.add_argument("--check", action="store_true", help="rebuild and compare, change nothing")
    parser.add_argument(
        "--hours", nargs=2, type=full_hour, metavar=("SINCE", "UNTIL"),
        help="only orders placed in these hours, UTC, UNTIL not included: 2026-11-25T10 2026-11-25T12",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    if args.hours:
        hours = [hour.isoformat() for hour in args.hours]
        how = "--check" if args.check else "--replace"
        return run_job(RunFolder(run_dir()), "spark.batch.rebuild_hours", *hours, how)
    if args.check:
        return run_job(RunFolder(run_dir()), "spark.batch.rebuild_lake", "--check")
    return run_alone("spark.batch.rebuild_lake", "--replace")
