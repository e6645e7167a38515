"""
Make a new checkpoint for a lake that lost its own, from what tables, ledger and topic hold.

For a stream that refuses to start because its checkpoint is missing, damaged or older than the tables. What
bronze has of an unfinished batch is finished first; reading goes on exactly where the ledger ends, so nothing
is lost and nothing is counted twice. The old checkpoint is moved aside, not deleted. A checkpoint that is
whole is left alone (exit code 1). The lake writer is stopped for it and started again.
"""

import argparse
import getpass

from stack.repair import run_alone


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", default=getpass.getuser(), metavar="NAME", help="who does it (default: you)")


def run(args: argparse.Namespace) -> int:
    return run_alone("spark.streaming.adoption", "--by", args.by)
