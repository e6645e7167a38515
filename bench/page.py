"""The page about a folder of results: written from the figures alone, for somebody who sees them first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import machine, plots, results
from bench.explanations import EXPLAINED
from bench.results import Results, found
from bench.sections import SECTIONS, told
from bench.tables import markdown
from bench.targets import TARGETS

HEAD = """\
# Benchmarks

Written by `python -m bench` from [{file}]({file}); edits are overwritten. How fast Saleslake is, measured
against systems that do the same work, against what its engine can do at all, and as it grows.

## How to read it

- Everything ran on one machine, servers and all. Times depend on it; **ratios within a run** hardly do, so
  judge by those.
- **Core-seconds** are user and system time of all processes of a contender and of its PostgreSQL: two cores
  that are busy for a second are two. The Kafka broker, which all share, is not counted.
- A figure with a range is the median, and the least and the most of all runs. Contenders take turns.
- Every contender reads the same Kafka log and keeps the same two answers in PostgreSQL up to date: sales per
  minute by product and region, orders per minute by region. An order counts once it is in them. **A run
  counts only if both answers equal what the log says**, row by row.
- Not everybody promises the same. What a contender checks, and what it does with a record that is broken or
  comes twice, stands beside its figures; compare like with like.
"""
REPEAT = """\
## How to repeat it

```
make bench-peers                       # installs the peers, each locked by hash, below .bench/
make bench                             # quick: ten minutes; its ratios beside benchmarks/quick.json
make bench ARGS="--full --seed 7"      # all of it: hours; another seed makes other orders
make bench ARGS="--full --only floors" # one section; --help lists them
```

Quick ratios are others than these: logs are a tenth as long, and half of a short run is start. So a quick
run is held against a committed quick one, and what differs by more than a factor of 1.3 is named; nothing
fails. `.github/workflows/benchmark.yml` does so every week.

Close what else uses the machine. Nothing is left behind but a page and its
folder: this one by a full run, `.bench/results.md` by a quick one. A peer of your own is
an entry in `bench/peers/__init__.py`: a command that gets its broker, topic, PostgreSQL and an empty folder
from the environment.
"""
UNMEASURED = """\
## What was not measured

- Other machines: more cores, real disks under load, a network between the parts. PostgreSQL and Kafka do not
  wait for the disk here, for any contender.
- Other orders than the simulator's, and several topics or tables at once.
- Systems whose packages no registry has, and hosted ones: there is nothing to put on the same machine.
- Crashes: what a contender counts after `kill -9` is its own claim, in the table of guarantees. Saleslake's
  is tested; see `saleslake chaos`.
- The first start after installation, and costs of the broker.
"""


def write(known: Results, folder: Path) -> Path:
    """Plots into the folder, the page beside it. Returns the page."""
    drawn = plots.draw(known, folder)
    page = folder.with_suffix(".md")
    page.write_text("\n".join(lines(known, folder.name, drawn)).rstrip() + "\n", encoding="utf-8")
    return page


def lines(known: Results, folder: str, drawn: list[str]) -> Iterator[str]:
    """
    Args:
        folder: of the results, as a link of the page names it.
        drawn: the sections that have a plot.
    """
    yield HEAD.format(file=f"{folder}/{results.FILE}")
    yield from _targets(known)
    for name in SECTIONS:
        if name in known["sections"]:
            yield from _section(name, known["sections"][name], folder, is_drawn=name in drawn)
        if name == "throughput":
            yield from _promises(known)
    yield REPEAT
    yield from _machine(known)
    yield UNMEASURED
    missing = [
        f"{one.title} (`--only {name}`)" for name, one in SECTIONS.items() if found(known, name) is None
    ]
    if missing:
        yield f"Of this run's sections, without figures: {', '.join(missing)}."


def _targets(known: Results) -> Iterator[str]:
    verdicts = [(target, target.verdict(known)) for target in TARGETS]
    rows = [
        [
            target.text,
            verdict.value,
            verdict.word
            + (", on a busy machine" if _is_busy(known["sections"].get(target.section, {})) else ""),
        ]
        for target, verdict in verdicts
    ]
    yield f"## Targets\n\n{markdown(['target', 'measured', ''], rows)}\n"
    yield "Where the time of an order goes, and why a target is missed: [performance.md](performance.md).\n"


def _is_busy(done: dict[str, Any]) -> bool:
    """Somebody else used the machine when the section began. One that was not measured has no load."""
    return bool(done.get("load_before", 0) > machine.BUSY)


def _section(name: str, done: dict[str, Any], folder: str, *, is_drawn: bool) -> Iterator[str]:
    section = SECTIONS[name]
    yield "\n\n".join(filter(None, [f"## {section.title}", section.about, EXPLAINED.get(name)])) + "\n"
    if "failed" in done:
        first, *rest = done["failed"].splitlines()
        yield f"**It failed**: {' … '.join([first, *rest[-1:]])}\n"
        return
    if is_drawn:
        yield f"![{section.title}]({folder}/{name}.svg)\n"
    yield told(name, done["found"]) + "\n"
    commit = f", commit {done['commit']}" if done.get("commit") else ""
    seed = f", seed {done['seed']}" if done["seed"] is not None else ""
    yield (
        f"*A {done['mode']} run, {done['at']}, {done['seconds'] / 60:.0f} minutes{seed}{commit}; cores in use"
        f" when it began: {done['load_before']:.1f}.*\n"
    )
    if _is_busy(done):
        yield "**The machine was busy with other things: do not rely on these times.**\n"


def _promises(known: Results) -> Iterator[str]:
    """What each contender checks and keeps, beside what became of its answers when orders were faulty."""
    contenders = (found(known, "throughput") or {}).get("contenders", {})
    if not contenders:
        return
    wrong = (found(known, "correctness") or {}).get("contenders", {})
    rows = [
        [one["title"], *one["guarantees"].values(), _wrong(wrong.get(name))]
        for name, one in contenders.items()
    ]
    head = ["", "contract", "duplicates", "broken records", "exactly once, after a kill", "lake",
            "faulty traffic: orders and cents that are wrong"]  # fmt: skip
    yield f"### What each of them promises\n\n{markdown(head, rows)}\n"


def _wrong(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not measured"
    if "failed" in row:
        return "nothing to compare"
    if "stopped" in row:
        return "stopped at a broken record"
    return f"{row['orders_wrong']:,} orders, {row['cents_wrong']:,} cents" if row["cents_wrong"] else "none"


def _machine(known: Results) -> Iterator[str]:
    machine = known["machine"]
    rows = [
        ["processor", f"{machine.get('processor')}, {machine.get('cores')} cores"],
        ["memory", f"{machine.get('memory_gib')} GiB"],
        ["system", str(machine.get("system"))],
        *([name, version] for name, version in known["versions"].items()),
    ]
    yield f"## Machine and versions\n\n{markdown(['', ''], rows)}\n"
    rows = [
        [title, "yes" if peer["installed"] else "no, not installed", ", ".join(peer["versions"])]
        for title, peer in known["peers"].items()
    ]
    if rows:
        yield f"{markdown(['peer', 'took part', 'versions'], rows)}\n"
