"""
saleslake: the command line of the sales lakehouse.

Exit codes: 0 good, 1 the thing asked failed, 2 wrong usage.
"""

import argparse
import importlib
import sys
from pathlib import Path

from include.errors import LakehouseError
from include.settings import use_run_dir

# Said here once more, so that `--help` need not import Kafka, Spark and PostgreSQL.
COMMANDS = {
    "up": "start every part of the stack and wait until each is healthy",
    "down": "stop every part; no process is left",
    "status": "say how each part is, and where to reach it",
    "doctor": "check the machine and the installation, with a remedy for each problem",
    "demo": "orders from the simulator to the marts, for real, reconciled to the cent",
    "simulate": "send simulated orders to Kafka and write the truth manifest",
    "insights": "print the sales answers: top products, regions, average order value",
    "reconcile": "compare the truth manifest with every layer, to the cent",
    "rejected": "count the records that are not in silver, by reason and hour, with samples",
    "rebuild": "make silver and gold anew from bronze, or compare them with what bronze gives",
    "check-upgrade": "say whether this version can go on from the checkpoint and tables that are there",
    "adopt": "make a new checkpoint for a lake that lost its own",
    "accept-loss": "go on without records that the topic no longer has",
    "invariants": "check I1 to I13 against the running stack: nothing lost, doubled, torn or leaked",
    "bi": "make and feed what Tableau, Power BI and Metabase read, from the metric contract",
    "bench": "measure throughput, latency and growth, beside other systems that do the same work",
    "chaos": "walk at random over a stack of its own, killing its parts, and prove that nothing is lost",
}


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    position = _position_of_command(words)
    if position is None:
        # Prints help, or says what is wrong and exits with code 2.
        _overview().parse_args(words)
        return 2
    name = words[position]
    command = importlib.import_module(f"stack.commands.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(
        prog=f"saleslake {name}",
        description=command.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_run_dir(parser)
    command.configure(parser)
    args = parser.parse_args([*words[:position], *words[position + 1 :]])
    if args.run_dir is not None:
        use_run_dir(args.run_dir)
    try:
        return int(command.run(args))
    except LakehouseError as error:
        print(f"saleslake {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"saleslake {name}: interrupted", file=sys.stderr)
        return 1


def _position_of_command(words: list[str]) -> int | None:
    """Where the subcommand stands; the value of an option before it is not one."""
    for position, word in enumerate(words):
        is_value = position > 0 and words[position - 1] == "--run-dir"
        if not is_value and not word.startswith("-"):
            return position if word in COMMANDS else None
    return None


def _add_run_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run-dir", type=Path, metavar="DIR", help="the stack's run folder (default: .run)")


def _overview() -> argparse.ArgumentParser:
    listing = "\n".join(f"  {name:<15}{what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="saleslake",
        description=f"{__doc__}\ncommands:\n{listing}\n\n`saleslake COMMAND --help` says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_run_dir(parser)
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help="one of the commands above")
    return parser


if __name__ == "__main__":
    sys.exit(main())
