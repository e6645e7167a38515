"""
Measure Saleslake: against its peers, against what the engine can do at all, and whether it stays as it is
when it grows. Writes results.json, plots, and a page that explains them.

    python -m bench                          # quick: ten minutes, beside the committed quick ratios
    python -m bench --full                   # every section, 2,000,000 orders, three runs: hours
    python -m bench --full --only floors     # this one; what the results folder has of others stays
    python -m bench --results /tmp/mine      # another folder; the page is /tmp/mine.md
    python -m bench --compare FILE           # its ratios beside those of an earlier run

A quick run goes to .bench/results, a full one to docs/benchmarks, where the figures are that documents cite.
Runs of two sizes have other ratios, so a quick one is compared with docs/benchmarks/quick.json: the
results.json of a quick run, copied there whenever a change is meant to stay.

Peers take part when they are installed: `make bench-peers`. Every server is started by the benchmark, on
loopback and free ports, in temporary folders that are gone afterwards. Close what else uses the machine.
Each section is saved when it is done. Exit code 1 when one failed; the others go on.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from bench import comparison, machine, page, results
from bench.sections import SECTIONS, Asked, is_there, takes_seed
from include.errors import LakehouseError
from include.settings import PROJECT_ROOT, child_environment

QUICK_MINUTES = 10
QUICK_RESULTS = PROJECT_ROOT / ".bench" / "results"
END_SECONDS = 90
LAST_LINES = 2_000
Tell = Callable[[str], None]


def run(chosen: list[str], asked: Asked, folder: Path, tell: Tell, *, keeps: bool, limit: float) -> bool:
    """Measure the sections and save each. Returns whether all went well."""
    facts = {"machine": machine.machine(), "versions": machine.versions(), "peers": machine.peers()}
    known = results.begun(folder, facts, keeps=keeps)
    for title, peer in facts["peers"].items():
        if not peer["installed"]:
            tell(f"{title} is not installed and takes no part: `make bench-peers` installs it")
    began, all_well = monotonic(), True
    for name in chosen:
        if (monotonic() - began) / 60 + SECTIONS[name].minutes[0] > limit:
            tell(
                f"{name} is left out: it would not be over after {limit:g} minutes. --only {name} measures it"
            )
            continue
        wanted = Asked(**{**asdict(asked), "best_peer": best_peer(known)})
        known["sections"][name] = section(name, wanted, tell)
        all_well &= "failed" not in known["sections"][name]
        results.write(folder, known)
    return all_well


def section(name: str, asked: Asked, tell: Tell) -> dict[str, Any]:
    """What was asked for, and what was found or went wrong."""
    tell(f"{name}: {SECTIONS[name].about}")
    began = monotonic()
    facts = {
        "mode": asked.mode,
        "seed": asked.seed if takes_seed(SECTIONS[name]) else None,
        "commit": machine.commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": machine.cores_in_use_once_calm(),
    }
    outcome = in_own_process(name, asked, lambda line: tell(f"  {line}"))
    if "failed" in outcome:
        tell(f"{name} FAILED: {outcome['failed']}")
    return {**facts, "seconds": round(monotonic() - began), **outcome}


def in_own_process(name: str, asked: Asked, tell: Tell) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="saleslake-section-") as folder:
        file, log = Path(folder) / "found.json", Path(folder) / "log"
        command = [sys.executable, "-m", "bench.sections", name]
        with log.open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603
                [*command, "--request", json.dumps(asdict(asked)), "--json", str(file)],
                env=child_environment(PYTHONPATH=str(PROJECT_ROOT)),
                stdout=subprocess.PIPE, stderr=errors, text=True,
                start_new_session=True,  # an interrupt reaches it once, from us
            )  # fmt: skip
            try:
                assert process.stdout is not None  # noqa: S101
                for line in process.stdout:
                    tell(line.rstrip())
                code = process.wait()
            finally:
                if process.poll() is None:
                    _end(process)
        if code == 0 and file.exists():
            return {"found": json.loads(file.read_text(encoding="utf-8"))}
        said = log.read_text(errors="replace")[-LAST_LINES:]
        return {"failed": f"it ended with {code}. The end of what it said:\n{said}"}


def _end(process: "subprocess.Popen[str]") -> None:
    """It ends what it has started itself; only if that takes too long it is killed."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with the servers it has started
        process.wait()


def best_peer(known: results.Results) -> str | None:
    """By orders per core-second."""
    found = (results.found(known, "throughput") or {"contenders": {}})["contenders"]
    rates = {
        name: one["orders_per_core_second"]["median"]
        for name, one in found.items()
        if not name.startswith("saleslake") and "orders_per_core_second" in one
    }
    return max(rates, key=lambda name: rates[name], default=None)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    about = "\n".join(
        f"  {name:12} {one.about}{'' if one.is_part_of('quick') else ' (not in a quick run)'}"
        for name, one in SECTIONS.items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, epilog=f"sections:\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", action="store_true", help=f"{QUICK_MINUTES} minutes; this is the default")
    mode.add_argument("--full", action="store_true", help="every section, in the size that counts")
    add = parser.add_argument
    add(
        "--only",
        nargs="+",
        choices=SECTIONS,
        metavar="SECTION",
        help="these, and keep what is there of others",
    )
    add("--seed", type=int, default=1, help="of the orders (1); the same seed makes the same orders")
    add("--orders", type=int, help="in the log of throughput (200,000 quick, 2,000,000 full)")
    add("--runs", type=int, help="of throughput, of each contender (2 quick, 3 full)")
    add("--results", type=Path, metavar="FOLDER", help="for results.json and plots")
    add("--compare", type=Path, metavar="FILE",
        help="print the ratios of this run beside those of FILE and warn of large differences (quick:"
        " docs/benchmarks/quick.json)")  # fmt: skip
    add("--no-run", action="store_true", help="measure nothing: only page or comparison of what is there")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    began = monotonic()

    def tell(line: str) -> None:
        minutes, seconds = divmod(int(monotonic() - began), 60)
        print(f"{minutes:3}:{seconds:02}  {line}", file=sys.stderr, flush=True)

    asked = Asked("full" if args.full else "quick", args.seed, args.orders, args.runs)
    is_for_docs = args.full or (args.no_run and not args.compare)
    folder = (args.results or (results.DEFAULT if is_for_docs else QUICK_RESULTS)).resolve()
    other = args.compare or (None if is_for_docs or args.results else results.QUICK_BASELINE)
    there = [name for name, one in SECTIONS.items() if is_there(one)]
    chosen = args.only or [name for name in there if SECTIONS[name].is_part_of(asked.mode)]
    is_limited = asked.is_quick and not args.only
    try:
        earlier = results.read(other) if other else None
        all_well = args.no_run or run(
            chosen,
            asked,
            folder,
            tell,
            keeps=bool(args.only),
            limit=QUICK_MINUTES if is_limited else float("inf"),
        )
        known = results.read(folder / results.FILE)
        tell(f"the page: {page.write(known, folder)}")
    except KeyboardInterrupt:
        tell("interrupted: the sections that were done are saved")
        return 130
    except LakehouseError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if earlier:
        print(comparison.told(comparison.compared(earlier, known)))
    return 0 if all_well else 1


if __name__ == "__main__":
    sys.exit(main())
