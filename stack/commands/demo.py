"""
The whole way of an order, for real: starts the stack, sends simulated orders with duplicates, late, bad and
conflicting ones among them, waits until the lake has them, has Airflow publish the marts, prints the sales
answers, and reconciles every layer with what was sent. Exit code 0 only when every cent is accounted for.

The stack stays up with orders trickling in, until `saleslake down`.
"""

import argparse
import subprocess
import sys
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from include.airflow_api import AirflowApi
from include.errors import PublishError
from include.settings import Settings, get_settings, run_dir
from stack.catching_up import wait_for_lake
from stack.layout import RunFolder
from stack.lifecycle import Wanted, up
from stack.progress import PartsProgress
from stack.status import addresses, collect

FAULTS = {"--duplicates": "0.05", "--late": "0.03", "--bad": "0.02", "--conflicts": "0.005"}
# Orders of the last hour, but none so old that it counts as late unless it is meant to.
SPAN = "50m"
AFTERWARDS_PER_SECOND = 2.0
PUBLISH_WITHIN_SECONDS = 600


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--orders", type=int, default=20_000, metavar="N", help="records to send (20000)")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="decides every order (default: another each time)"
    )


def run(args: argparse.Namespace) -> int:
    console = Console()
    began = monotonic()
    bring_up(console, "Starting the stack", Wanted())
    get_settings.cache_clear()
    settings = get_settings()
    _heading(console, f"Sending {args.orders:,} orders")
    sent = saleslake("simulate", *_simulation(args))
    _heading(console, "Waiting for the lake")
    catch_up(console, settings)
    _heading(console, "Publishing the marts with Airflow")
    publish(console, settings)
    _heading(console, "The sales answers")
    answered = saleslake("insights")
    _heading(console, "Reconciliation")
    reconciled = saleslake("reconcile", "--require-marts")
    bring_up(console, f"Going on with {AFTERWARDS_PER_SECOND:g} orders a second", _with_simulator())
    console.print(f"\n{addresses(collect())}", highlight=False, soft_wrap=True)
    passed = max(sent, answered, reconciled) == 0
    verdict = "[bold green]PASS[/]" if passed else "[bold red]FAIL[/]"
    console.print(f"\nDemo: {verdict} after {monotonic() - began:.0f} s. `saleslake down` ends the stack.")
    return 0 if passed else 1


def _heading(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/]", highlight=False)


def _with_simulator() -> Wanted:
    return Wanted(simulator_rate=AFTERWARDS_PER_SECOND)


def _simulation(args: argparse.Namespace) -> list[str]:
    faults = [word for pair in FAULTS.items() for word in pair]
    seed = [] if args.seed is None else ["--seed", str(args.seed)]
    return ["--count", str(args.orders), "--span", SPAN, *faults, *seed]


def saleslake(*words: str) -> int:
    """Another of our commands, as the user would run it; its output goes where ours goes."""
    # The run folder is inherited through the environment.
    return subprocess.run([sys.executable, "-m", "stack.cli", *words], check=False).returncode  # noqa: S603


def bring_up(console: Console, heading: str, wanted: Wanted) -> None:
    _heading(console, heading)
    with PartsProgress(console) as report:
        up(RunFolder(run_dir()), wanted, report)


def catch_up(console: Console, settings: Settings) -> None:
    """A bar on a terminal, a line at the end elsewhere."""
    began = monotonic()
    columns = (TextColumn("  in the lake"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("records", total=None)
        most = 0

        def tell(missing: int) -> None:
            nonlocal most
            most = max(most, missing)
            bar.update(task, total=most, completed=most - missing)

        wait_for_lake(settings.kafka, settings.postgres, tell)
    console.print(f"  the last {most:,} records took {monotonic() - began:.0f} s", highlight=False)


def publish(console: Console, settings: Settings) -> None:
    """
    Airflow has published every hour that changed.

    Raises:
        PublishError: the run failed; the marts hold what they held before, hour by hour.
    """
    with AirflowApi(settings.airflow) as airflow:
        airflow.unpause("publish_marts")
        run_id = airflow.trigger("publish_marts")
        state = airflow.wait(
            "publish_marts",
            run_id,
            timeout_seconds=PUBLISH_WITHIN_SECONDS,
            tell=lambda now: console.print(f"  run {run_id}: {now}", highlight=False),
        )
    if state != "success":
        raise PublishError(
            f"Publishing the marts: run {run_id} of publish_marts is {state}. The marts keep the last good"
            " version of every hour. Read the task's log at"
            f" {settings.airflow.url}/dags/publish_marts/runs/{run_id}, then docs/runbooks/publish_marts.md."
        )
