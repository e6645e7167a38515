"""Check the machine and the installation: each line is OK, or a problem with a remedy (then exit code 1)."""

import argparse

from rich.console import Console

from include.settings import run_dir
from stack.checkup import Finding, examine
from stack.layout import RunFolder
from stack.status import collect
from stack.supervisor import Supervisor


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing to configure."""


def run(args: argparse.Namespace) -> int:
    folder = RunFolder(run_dir())
    stack_is_up = Supervisor(folder).is_running()
    findings = examine(folder, stack_is_up=stack_is_up)
    findings.append(judge_parts(collect()["parts"]) if stack_is_up else Finding("Stack", "is down"))
    console = Console()
    for finding in findings:
        mark = "[red]problem[/]" if finding.remedy else "[green]OK[/]     "
        console.print(f"{mark}  {finding.subject:<11}{finding.found}", highlight=False, soft_wrap=True)
        if finding.remedy:
            console.print(f"         remedy     {finding.remedy}", highlight=False, soft_wrap=True)
    return 1 if any(finding.remedy for finding in findings) else 0


def judge_parts(parts: list[dict[str, str | None]]) -> Finding:
    ill = [part for part in parts if part["state"] in ("unhealthy", "failed")]
    if ill:
        found = "; ".join(
            f"{part['name']} is {part['state']} ({part['detail'] or 'gave up'})" for part in ill
        )
        logs = ", ".join(str(part["log"]) for part in ill)
        return Finding("Stack", found, f"read {logs}; `saleslake up` starts it again")
    running = sum(part["state"] == "running" for part in parts)
    return Finding("Stack", f"is up, {running} parts are healthy")
