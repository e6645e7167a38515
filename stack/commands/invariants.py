"""
Check the invariants I1 to I13 against the running stack, from its data alone. It stops and publishes nothing.

For --watch seconds a reader adds up the marts every 50 ms, and versions and offsets are followed. Then the
topic is read from its first record, and every layer at the last closed batch; silver and gold are made anew
from bronze, in the shadow. Orders may stream meanwhile. Exit code 0 when every invariant holds.
"""

import argparse
import json
import sys
from time import sleep

from include.settings import get_settings


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--watch", type=float, default=10.0, metavar="SECONDS", help="how long to watch first (10)")
    add("--json", action="store_true", help="print the result as JSON; progress goes to stderr")


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from stack.invariants.checker import Checker
    from stack.invariants.report import print_findings

    console = Console(stderr=args.json)
    checker = Checker(get_settings(), lambda line: console.print(line, highlight=False))
    checker.start()
    console.print(f"Watching for {args.watch:g} s", highlight=False)
    sleep(args.watch)
    findings = checker.findings(is_final=False)
    holds = all(finding.holds for finding in findings)
    if args.json:
        json.dump(
            {"passed": holds, "findings": [finding.as_json() for finding in findings]}, sys.stdout, indent=2
        )
        print()
    else:
        print_findings(console, findings)
        console.print("[bold green]PASS[/]" if holds else "[bold red]FAIL[/]")
    return 0 if holds else 1
