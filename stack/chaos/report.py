"""The findings as a table, and what a walk did, as text."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from stack.chaos.recovery import spreads
from stack.chaos.run import Outcome
from stack.invariants.finding import NAMES, Finding


def print_findings(console: Console, findings: Iterable[Finding]) -> None:
    """Invariant, looked at, violations; below it the first violations of each."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", "invariant", "looked at", "violations"):
        table.add_column(column, justify="right" if column == "violations" else "left", overflow="fold")
    for finding in findings:
        count = (
            f"[green]{finding.violations:,}[/]" if finding.holds else f"[bold red]{finding.violations:,}[/]"
        )
        table.add_row(finding.invariant, NAMES[finding.invariant], finding.looked_at, count)
    console.print(table)
    for finding in findings:
        for example in finding.examples:
            console.print(f"  {finding.invariant}: {example}", highlight=False, markup=False, soft_wrap=True)


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
