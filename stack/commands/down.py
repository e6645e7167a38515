"""Stop every part of the stack. No process of it is left; data, settings and secrets stay."""

import argparse

from rich.console import Console

from include.settings import run_dir
from stack.layout import RunFolder
from stack.lifecycle import down
from stack.progress import PartsProgress


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing to configure."""


def run(args: argparse.Namespace) -> int:
    console = Console()
    console.print("Stopping the stack")
    with PartsProgress(console, done="stopped") as report:
        ended = down(RunFolder(run_dir()), report)
    orphans = f"; ended {ended} processes that had lost their process manager" if ended else ""
    console.print(f"Down{orphans}")
    return 0
