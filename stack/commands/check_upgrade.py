"""
Compare this code with the lake and the database of a run folder, before it is deployed there.

Run it with the new code; the old stack may be up or down. Looked at are the stream's sources, stateful parts,
Spark settings and open batch in its checkpoint; columns, partitions and protocol of every table; reporting
currency and e-mail key; the migrations. Nothing is changed.

Each line is `ok`; `grows` (the next start sees to it); `cannot`, with the way out; or `unseen`. Exit code 1
when there is a `cannot`.
"""

import argparse
import json

from rich.console import Console
from rich.table import Table

from include.findings import Finding
from include.settings import run_dir
from stack.layout import RunFolder
from stack.upgrade import examine

COLOURS = {"ok": "green", "grows": "cyan", "cannot": "red", "unseen": "yellow"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    findings = examine(RunFolder(run_dir()))
    cannot = [finding for finding in findings if finding.verdict == "cannot"]
    if args.json:
        document = {"can_upgrade": not cannot, "findings": [finding.as_json() for finding in findings]}
        print(json.dumps(document, indent=2))
    else:
        _print(findings)
    return 1 if cannot else 0


def _print(findings: list[Finding]) -> None:
    table = Table(box=None, header_style="bold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("looked at", no_wrap=True)
    table.add_column("found", overflow="fold")
    for finding in findings:
        found = f"{finding.found}. {finding.way_out}" if finding.way_out else finding.found
        table.add_row(f"[{COLOURS[finding.verdict]}]{finding.verdict}[/]", finding.subject, found)
    console = Console()
    console.print(table)
    count = sum(finding.verdict == "cannot" for finding in findings)
    verdict = f"{count} finding(s) stand against it" if count else "this code can go on from what is there"
    console.print(f"\nUpgrade: {verdict}", highlight=False, soft_wrap=True)
