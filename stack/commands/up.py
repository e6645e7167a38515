"""Start every part of the stack and wait until each is healthy. What runs already goes on running."""

import argparse
from time import monotonic

from rich.console import Console

from include.settings import run_dir
from stack.layout import RunFolder
from stack.lifecycle import Wanted, up
from stack.progress import PartsProgress
from stack.status import addresses, collect


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--without-airflow", action="store_true", help="leave the Airflow parts out")
    parser.add_argument("--without-lake-writer", action="store_true", help="leave the lake writer out")
    parser.add_argument(
        "--without-prometheus", action="store_true", help="leave out what watches the others, if it is there"
    )
    parser.add_argument(
        "--simulator-rate", type=float, metavar="N", help="also run the simulator, at N orders per second"
    )


def run(args: argparse.Namespace) -> int:
    console = Console()
    wanted = Wanted(
        args.without_airflow, args.without_lake_writer, args.simulator_rate, args.without_prometheus
    )
    began = monotonic()
    console.print("Starting the stack")
    with PartsProgress(console) as report:
        up(RunFolder(run_dir()), wanted, report)
    console.print(f"Up after {monotonic() - began:.0f} s\n")
    console.print(addresses(collect()), highlight=False, soft_wrap=True)
    return 0
