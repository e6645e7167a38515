"""Say how each part of the stack is, and where to reach it. --json prints what other programs rely on."""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from stack.status import addresses, balance, collect

COLOURS = {"running": "green", "stopped": "dim", "failed": "red", "unhealthy": "red"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    status = collect()
    if args.json:
        print(json.dumps(status, indent=2))
        return 0
    table = Table(box=None, header_style="bold")
    for column in ("part", "state", "pid", "since (UTC)"):
        table.add_column(column, no_wrap=True)
    for part in status["parts"]:
        state = f"[{COLOURS.get(part['state'], 'yellow')}]{part['state']}[/]"
        said = f"{state} ({part['detail']})" if part["detail"] else state
        since = (part["since"] or "")[:19].replace("T", " ")
        table.add_row(part["name"], said, str(part["pid"] or ""), since)
    console = Console()
    console.print(table)
    console.print(f"\nLogs        {Path(status['parts'][0]['log']).parent}", highlight=False, soft_wrap=True)
    console.print(addresses(status), highlight=False, soft_wrap=True)
    console.print(f"Ledger      {balance(status['ledger'])}", highlight=False, soft_wrap=True)
    return 0
