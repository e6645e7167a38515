"""
Say before a deploy whether this version of the code can go on from the checkpoint and tables that are there.

Run it with the new version against the run folder of the old one (`--run-dir`). It compares source, stateful
parts, unfinished batch and e-mail key with the checkpoint, and columns, types and partitions with the tables.
What `grows` is added by the next start; what `CANNOT` be survived comes with the way out. It changes nothing
and needs no running stack. Exit code 0 only when nothing stands against it.
"""

import argparse

from include.settings import run_dir
from stack.layout import RunFolder
from stack.repair import run_job


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    words = ["--json"] if args.json else []
    return run_job(RunFolder(run_dir()), "spark.streaming.upgrade_check", *words)
