"""
Walk at random over a stack of its own: orders of every kind arrive while its parts are killed, stopped and
restarted, its disk is filled and its marts are published. Then everything heals, and the invariants I1 to I13
are judged from the data.

The seed alone decides what happens and in which order. Exit code 0 when every invariant holds. The stack is
removed afterwards; of a walk that failed its run folder stays. Where a tmpfs can be mounted, the lake lies on
a small one that is really filled; otherwise a fault point tells the writer that the disk is full.
"""

import argparse
import json
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from time import monotonic

from include.errors import StackError

# A walk as long as this meets Airflow too, which takes a minute to start.
MINUTES_FOR_AIRFLOW = 8


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--seed", type=int, metavar="N", help="decides everything (default: another each time)")
    add(
        "--minutes",
        type=float,
        default=3.0,
        metavar="M",
        help="how long to walk, without start and proof (3)",
    )
    add("--actions", type=int, metavar="N", help="end after so many actions instead")
    add("--with-airflow", action="store_true",
        help=f"Airflow too, its parts as victims (always from {MINUTES_FOR_AIRFLOW} minutes on)")  # fmt: skip
    add("--json", action="store_true", help="print the result as JSON; progress goes to stderr")


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from stack.chaos.report import print_outcome
    from stack.chaos.run import Request, as_json
    from stack.chaos.run import run as walk

    progress, began = Console(stderr=args.json), monotonic()

    def tell(line: str) -> None:
        progress.print(f"{monotonic() - began:4.0f} s  {line}", highlight=False, markup=False, soft_wrap=True)

    is_long = args.actions is None and args.minutes >= MINUTES_FOR_AIRFLOW
    seed = secrets.randbelow(10**6) if args.seed is None else args.seed
    request = Request(seed, args.minutes, args.with_airflow or is_long, args.actions)
    root = own_folder(args.run_dir)
    outcome = walk(request, root, tell)
    if args.json:
        json.dump(as_json(outcome), sys.stdout, indent=2)
        print()
    else:
        print_outcome(progress, outcome)
    if outcome.passed:
        shutil.rmtree(root, ignore_errors=True)
    else:
        progress.print(f"Logs, lake and manifest are in {root}", highlight=False, soft_wrap=True)
    return 0 if outcome.passed else 1


def own_folder(wanted: Path | None) -> Path:
    """
    A folder that holds nothing yet: the walk kills whatever runs in it, and removes it.

    Raises:
        StackError: the wanted one is in use.
    """
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="saleslake-chaos-")).resolve()
    if wanted.exists() and any(wanted.iterdir()):
        raise StackError(
            f"Starting a walk in {wanted}: there is something in it, and a walk would damage it. Nothing was"
            " started. Name a new folder, or leave --run-dir out."
        )
    wanted.mkdir(parents=True, exist_ok=True)
    return wanted.resolve()
