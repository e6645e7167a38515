"""
Go on without records that the topic no longer has and that were never read.

For a stream that refuses to start because the topic's retention passed while it was off. The refused start
prints the ranges; each must be given exactly as printed. They are written to ops.accepted_losses with who and
why, `saleslake reconcile` names them from then on, and the stream goes on with the first record that is
there. Nothing else is skipped. The lake writer is stopped for it and started again.
"""

import argparse

from stack.repair import run_alone


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("ranges", nargs="+", metavar="PARTITION:FIRST-END", help="a range that is gone, such as 0:120-450")
    add("--by", required=True, metavar="NAME", help="who accepts it")
    add("--why", required=True, metavar="TEXT", help="why it is accepted")


def run(args: argparse.Namespace) -> int:
    return run_alone("spark.streaming.adoption", *args.ranges, "--by", args.by, "--why", args.why)
