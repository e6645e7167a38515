"""
Measure Saleslake against other systems that do the same work, against what its engine can do at all, and as
it grows. Starts servers of its own; what runs already is left alone, but shares the machine.

Ten minutes; with --full hours. Writes docs/benchmarks.md, figures and plots. The peers are installed by
`make bench-peers`. `python -m bench --help` lists the sections.
"""

import argparse
import subprocess
import sys
from importlib.util import find_spec

from include.errors import SetupError
from include.settings import PROJECT_ROOT, child_environment

FLAGS = {"full": "every section, in the size that counts", "no-run": "measure nothing: write the page anew"}
VALUES = {
    "seed": "of the orders (1)",
    "orders": "in the log of throughput",
    "runs": "of throughput, of each contender",
    "results": "folder for figures and plots (docs/benchmarks)",
    "compare": "figures of an earlier run, whose ratios are printed beside these",
}


def configure(parser: argparse.ArgumentParser) -> None:
    for name, text in FLAGS.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    parser.add_argument(
        "--only", nargs="+", metavar="SECTION", help="these, and keep what is there of others"
    )
    for name, text in VALUES.items():
        parser.add_argument(f"--{name}", metavar=name.upper(), help=text)


def run(args: argparse.Namespace) -> int:
    # The benchmark is no part of what is installed: it lies beside it in a checkout.
    if find_spec("bench") is None and not (PROJECT_ROOT / "bench").is_dir():
        raise SetupError(
            "Starting the benchmark: its folder `bench` is not there. Nothing was measured. Run it in a"
            " checkout of the project."
        )
    environment = child_environment(PYTHONPATH=str(PROJECT_ROOT))
    command = [sys.executable, "-m", "bench", *words(args)]
    process = subprocess.Popen(command, env=environment)  # noqa: S603
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the benchmark has got it too, and ends what it has started


def words(args: argparse.Namespace) -> list[str]:
    """The same options for the benchmark itself."""
    known = vars(args)
    found = [f"--{name}" for name in FLAGS if known[name.replace("-", "_")]]
    if args.only:
        found += ["--only", *args.only]
    for name in VALUES:
        if known[name] is not None:
            found += [f"--{name}", known[name]]
    return found
