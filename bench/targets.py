"""What was aimed at, and what the figures say of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.guarantees import gives_all
from bench.results import Results, found

OURS, WEAK, TUTORIAL = "saleslake", "saleslake-weak", "tutorial"
AT = 1_000  # orders per second


@dataclass(frozen=True)
class Verdict:
    """`value`: what was found, in words. `is_reached` is None when that does not say, or there is none."""

    value: str
    is_reached: bool | None

    @property
    def word(self) -> str:
        unknown = "too close to say" if self.value else "not measured"
        return {True: "reached", False: "missed", None: unknown}[self.is_reached]


@dataclass(frozen=True)
class Target:
    text: str
    section: str
    judge: Callable[[dict[str, Any]], Verdict]

    def verdict(self, results: Results) -> Verdict:
        figures = found(results, self.section)
        try:
            return self.judge(figures) if figures else UNKNOWN
        except (LookupError, StopIteration, TypeError, ValueError, ZeroDivisionError):
            # A quick run has a part of a section only, and not everybody's figures count.
            return UNKNOWN


UNKNOWN = Verdict("", None)


def _at_least(value: float, target: float) -> Verdict:
    return Verdict(f"{value:.2f}", value >= target)


def _at_most(value: float, target: float, form: str = ".2f") -> Verdict:
    return Verdict(format(value, form), value <= target)


def _rate(figures: dict[str, Any], name: str, rate: str = "orders_per_core_second") -> float:
    return float(figures["contenders"][name][rate]["median"])


def _published(figures: dict[str, Any], table: str) -> Verdict:
    return _at_most(figures["ratios"][table]["core_seconds"]["median"], 3, ".1f")


def _to_tutorial(figures: dict[str, Any]) -> Verdict:
    """Start included on both sides: it takes the whole log as one batch, and has no half without."""
    name = next(name for name in figures["contenders"] if name.startswith(TUTORIAL))
    all_of_it = "whole_orders_per_core_second"
    whole = _rate(figures, OURS, all_of_it) / _rate(figures, name, all_of_it)
    warm = _rate(figures, OURS) / _rate(figures, name, all_of_it)
    return Verdict(f"{whole:.2f} start included; {warm:.2f} once ours is warm", whole >= 3)


def _to_best(figures: dict[str, Any], ours: str, *, equal: bool) -> Verdict:
    """Against whoever does the same job with the fewest core-seconds."""
    rates = {
        one["title"]: _rate(figures, name)
        for name, one in figures["contenders"].items()
        if not name.startswith(OURS) and "orders_per_core_second" in one
        if gives_all(one["guarantees"]) is equal
    }
    best = max(rates, key=lambda title: rates[title])
    ratio = _rate(figures, ours) / rates[best]
    return Verdict(f"{ratio:.2f} (best of {len(rates)}: {best})", ratio >= 1)


def _to_best_latency(figures: dict[str, Any]) -> Verdict:
    rows = [row for row in figures["rows"] if row["rate"] == AT and "p95" in row and not row["airflow"]]
    ours = next(row["p95"] for row in rows if row["name"] == OURS)
    peers = {
        row["title"]: row["p95"] for row in rows if not row["name"].startswith(OURS) and row["sustained"]
    }
    best = min(peers, key=lambda title: peers[title])
    return Verdict(f"{ours:.2f} s, {peers[best]:.2f} s of {best}", ours <= peers[best])


def _with_airflow(figures: dict[str, Any]) -> Verdict:
    row = next(row for row in figures["rows"] if row["airflow"] and row["rate"] == AT)
    most = 2 * row["interval"] + 1
    return Verdict(f"{row['p95']:.2f} s, at most {most:g} s", row["p95"] <= most and row["sustained"])


def _grown(figures: dict[str, Any], kind: str, total: str, target: float) -> Verdict:
    works = figures[kind][total]
    ratios = [one["ratio_seconds"]["median"] for name, one in works.items() if name.startswith("batch")]
    return _at_most(max(ratios), target)


def _flat(figures: dict[str, Any]) -> Verdict:
    slopes = {part.replace(", ", "'s "): one["slope"] for part, one in figures["memory"].items()}
    together = slopes.pop("all")
    # A heap that shrinks must not hide what grows.
    parts = ", ".join(f"{part} {one:+.0f}" for part, one in slopes.items())
    return Verdict(f"% per hour: {parts}; all together {together:+.0f}", max(slopes.values()) < 1)


def _on_workers(figures: dict[str, Any]) -> Verdict:
    """Where the turns lie on both sides of the target by more than their middle does, nobody knows."""
    ratio = figures["ratio"]
    text = f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"
    off, spread = abs(ratio["median"] - 0.85), min(ratio["max"] - 0.85, 0.85 - ratio["min"])
    return Verdict(text, None if off < spread / 4 else ratio["median"] >= 0.85)


def _equal(figures: dict[str, Any]) -> Verdict:
    ours = figures["contenders"][OURS]
    wrong = ours["orders_wrong"] + ours["cents_wrong"]
    return Verdict(f"{ours['orders_wrong']:,} orders, {ours['cents_wrong']:,} cents", not wrong)


TARGETS = (
    Target("at least 0.5 of the orders per core-second of parsing the JSON alone", "floors",
           lambda figures: _at_least(figures["writer_of_parsed"], 0.5)),
    Target("at least 3 × the orders per core-second of the pipeline that tutorials teach", "throughput",
           _to_tutorial),
    Target("orders per core-second: at least 1.0 × every peer that gives the same guarantees", "throughput",
           lambda figures: _to_best(figures, OURS, equal=True)),
    Target("the same for the weaker job: our engine, at least once, against every peer that does that",
           "throughput", lambda figures: _to_best(figures, WEAK, equal=False)),
    Target("latency at 1,000 orders/s: p95 no worse than the best peer's", "latency", _to_best_latency),
    Target("latency at 1,000 orders/s, Airflow running: p95 at most 2 × the trigger interval + 1 s",
           "latency", _with_airflow),
    Target("faulty traffic: no order and no cent is wrong", "correctness", _equal),
    Target("a batch with 10,000,000 orders in silver takes at most 1.3 × as long as with none", "growth",
           lambda figures: _grown(figures, "orders", "10000000", 1.3)),
    Target("a batch after 5,000 commits and their maintenance takes at most 1.2 × as long", "growth",
           lambda figures: _grown(figures, "commits", "5000", 1.2)),
    Target("memory is flat over an hour: less than 1 % up", "soak", _flat),
    Target("silver and gold, compacted, take at most 0.25 × the bytes of the JSON", "disk",
           lambda figures: _at_most(figures["silver_and_gold_of_json"]["after"], 0.25)),
    Target("publishing an hour of 100,000 orders costs at most 3 × the COPY of its rows into the same marts",
           "published", lambda figures: _published(figures, "the marts themselves")),
    Target("the same against a bare COPY, into tables without index, key or partition", "published",
           lambda figures: _published(figures, "ordinary tables, no index")),
    Target("a cluster of two workers: at least 0.85 × the orders per core-second of local mode", "scale",
           _on_workers),
)  # fmt: skip
