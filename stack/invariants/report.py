"""The findings as a table."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

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
