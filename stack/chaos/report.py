"""What came of a walk, as text."""

from rich.console import Console

from stack.chaos.recovery import spreads
from stack.chaos.run import Outcome
from stack.invariants.report import print_findings


def print_outcome(console: Console, outcome: Outcome) -> None:
    console.print()
    print_findings(console, outcome.findings)
    for surprise in outcome.surprises:
        console.print(f"  walk: {surprise}", highlight=False, markup=False, soft_wrap=True)
    console.print("\nSeconds until the next closed batch, by what was done (undisturbed ones)")
    for what, spread in spreads(outcome.recoveries).items():
        figures = f"p50 {spread.p50:6.1f}  p95 {spread.p95:6.1f}  max {spread.most:6.1f}"
        console.print(f"  {what:<18}{spread.count:>3} x  {figures}", highlight=False)
    verdict = "[bold green]PASS[/]" if outcome.passed else "[bold red]FAIL[/]"
    console.print(
        f"\n{verdict}  seed {outcome.request.seed}, {len(outcome.actions)} actions, {outcome.kills} kills"
        f" survived, {outcome.seconds:.0f} s. The same again:"
        f"\n  {outcome.request.reproduction(len(outcome.actions))}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
