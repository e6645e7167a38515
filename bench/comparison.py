"""
The ratios of one run beside those of another. Times depend on the machine and its mood, ratios within a run
hardly do: what differs is reported, and a person decides. Nothing fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.results import Results, found
from bench.tables import markdown

# Two quick runs of one commit differ by as much.
NOISE = 1.3


@dataclass(frozen=True)
class Compared:
    name: str
    before: float | None
    now: float | None

    @property
    def change(self) -> float | None:
        return self.now / self.before if self.before and self.now else None

    @property
    def is_unlike(self) -> bool:
        """More than noise explains, in either direction."""
        return self.change is not None and not 1 / NOISE <= self.change <= NOISE


def compared(before: Results, now: Results) -> list[Compared]:
    """What both have, and what one of them lacks."""
    old, new = dict(ratios(before)), dict(ratios(now))
    return [Compared(name, old.get(name), new.get(name)) for name in dict.fromkeys([*new, *old])]


def ratios(results: Results) -> Iterator[tuple[str, float]]:
    """Every figure of the sections that is a ratio within one run. Sections of other shape have none."""
    for of_section in (_throughput, _floors, _latency, _published, _disk):
        yield from of_section(results)


def _throughput(results: Results) -> Iterator[tuple[str, float]]:
    contenders = (found(results, "throughput") or {}).get("contenders", {})
    ours = contenders.get("saleslake", {}).get("orders_per_core_second")
    for name, one in contenders.items():
        if ours and name != "saleslake" and "orders_per_core_second" in one:
            ratio = ours["median"] / one["orders_per_core_second"]["median"]
            yield f"orders per core-second, Saleslake to {one['title']}", ratio


def _floors(results: Results) -> Iterator[tuple[str, float]]:
    figures = found(results, "floors")
    if figures:
        yield "orders per core-second, lake writer to JSON parsed", figures["writer_of_parsed"]


def _latency(results: Results) -> Iterator[tuple[str, float]]:
    rows = [row for row in (found(results, "latency") or {}).get("rows", []) if "p95" in row]
    for row in rows:
        if row["name"] == "saleslake":
            where = ", with Airflow" if row["airflow"] else ""
            yield (
                f"latency p95 at {row['rate']:,}/s{where}, to a trigger of {row['interval']:g} s",
                (row["p95"] / row["interval"]),
            )


def _published(results: Results) -> Iterator[tuple[str, float]]:
    for kind, ratio in (found(results, "published") or {}).get("ratios", {}).items():
        yield f"publishing an hour to COPY into {kind}, core-seconds", ratio["core_seconds"]["median"]


def _disk(results: Results) -> Iterator[tuple[str, float]]:
    for when, ratio in (found(results, "disk") or {}).get("silver_and_gold_of_json", {}).items():
        yield f"bytes of silver and gold to JSON, {when} compaction", ratio


def told(rows: list[Compared]) -> str:
    def cell(value: float | None) -> str:
        return "not measured" if value is None else f"{value:.2f}"

    lines = [
        [
            row.name,
            cell(row.before),
            cell(row.now),
            "" if row.change is None else f"{row.change:.2f}",
            "look at it" if row.is_unlike else "",
        ]
        for row in rows
    ]
    unlike = [row.name for row in rows if row.is_unlike]
    end = (
        f"WARNING: {len(unlike)} of {len(rows)} ratios differ by more than a factor of {NOISE:g}:"
        f" {'; '.join(unlike)}. Run it again; when it stays so, look for the change."
        if unlike
        else f"No ratio differs by more than a factor of {NOISE:g}."
    )
    return f"{markdown(['ratio', 'before', 'now', 'now to before', ''], lines)}\n\n{end}"
