"""The plots of the page, as SVG: the same figures make the same bytes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from bench.guarantees import gives_all
from bench.results import Results, found

OURS, EQUAL, WEAKER, PALE = "#1f5fa8", "#c46a1b", "#8f8f8f", "#b9c9dc"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "saleslake",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
}
WIDTH = 8.6
# When the largest is so many times the least, the scale is logarithmic.
SPAN_FOR_LOG = 20


def draw(results: Results, folder: Path, *, as_png: bool = False) -> list[str]:
    """Write the plots whose sections were measured; those of others are removed. Returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with mpl.rc_context(STYLE):
        for name, plot in PLOTS.items():
            file = folder / f"{name}.svg"
            file.unlink(missing_ok=True)
            figures = found(results, name)
            drawn = plot(figures) if figures else None
            if drawn is None:
                continue
            # The date of the day would make every file another one.
            FigureCanvasSVG(drawn).print_svg(file, metadata={"Date": None, "Creator": None})
            if as_png:
                FigureCanvasAgg(drawn).print_png(file.with_suffix(".png"))
            written.append(name)
    return written


def throughput(figures: dict[str, Any]) -> Figure | None:
    known = [(name, one) for name, one in figures["contenders"].items() if "orders_per_core_second" in one]
    known.sort(key=lambda pair: pair[1]["orders_per_core_second"]["median"])
    if not known:
        return None
    figure, axes = _figure(0.45 * len(known) + 1.3)
    spreads = [one["orders_per_core_second"] for _, one in known]
    labels = [one["title"] for _, one in known]
    middles = [one["median"] for one in spreads]
    is_wide = max(middles) > SPAN_FOR_LOG * min(middles)
    shown = _dots if is_wide else _bars
    shown(axes, labels, spreads, [_colour(name, one) for name, one in known])
    scale = ", logarithmic" if is_wide else ""
    axes.set_xlabel(f"orders per core-second{scale}; line: least to most of all runs")
    axes.set_title("Throughput: more is better")
    colours = {"Saleslake": OURS, "its engine, weaker": PALE, "equal guarantees": EQUAL}
    _legend(axes, colours | {"weaker guarantees": WEAKER})
    return figure


def latency(figures: dict[str, Any]) -> Figure | None:
    rows = [row for row in figures["rows"] if "p95" in row]
    if not rows:
        return None
    rows.reverse()
    figure, axes = _figure(0.4 * len(rows) + 1.7)
    for place, row in enumerate(rows):
        colour = OURS if row["name"] == "saleslake" else EQUAL if row.get("equal") else WEAKER
        axes.plot([row["p50"], row["p99"]], [place, place], color=colour, linewidth=2, alpha=0.5)
        for name, marker in (("p50", "o"), ("p95", "D"), ("p99", "|")):
            face = colour if row["sustained"] else "white"
            axes.plot(row[name], place, marker, color=colour, markerfacecolor=face, markersize=8)
        _note(axes, f"{row['p95']:.1f}", (row["p95"], place), (0, 7), ha="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [_who(row) for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.2)
    axes.set_xscale("log")
    _plain_numbers(axes)
    axes.grid(axis="x", color="#e6e6e6")
    axes.set_xlabel(
        "seconds from arrival in Kafka to PostgreSQL, logarithmic\n"
        "circle: p50, diamond: p95, bar: p99; hollow: the rate was not held"
    )
    axes.set_title("Latency: less is better")
    _legend(axes, {"Saleslake": OURS, "equal guarantees": EQUAL, "weaker guarantees": WEAKER})
    return figure


def floors(figures: dict[str, Any]) -> Figure:
    rates = figures["orders_per_core_second"]
    labels = list(reversed(rates))
    figure, axes = _figure(0.38 * len(labels) + 1.3)
    # Cost, not rate: costs of parts add up to the whole's.
    costs = [
        {"median": 1e6 / one["median"], "min": 1e6 / one["max"], "max": 1e6 / one["min"], "runs": one["runs"]}
        for one in (rates[name] for name in labels)
    ]
    colours = [OURS if "lake writer" in name else PALE for name in labels]
    _bars(axes, labels, costs, colours)
    axes.set_xlabel("core-seconds per million orders; line: least to most of all batches")
    axes.set_title("Floors: what less and less of the work costs")
    return figure


def growth(figures: dict[str, Any]) -> Figure | None:
    kinds = [kind for kind in ("orders", "commits") if figures[kind]]
    if not kinds:
        return None
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        totals = {int(total): works for total, works in figures[kind].items() if total.isdigit()}
        for work in next(iter(totals.values())):
            spreads = [works[work]["ratio_seconds"] for works in totals.values()]
            middle = [one["median"] for one in spreads]
            apart = [
                [one["median"] - one["min"] for one in spreads],
                [one["max"] - one["median"] for one in spreads],
            ]
            axes.errorbar(range(len(totals)), middle, apart, marker="o", capsize=3, label=work)
        axes.axhline(1.3 if kind == "orders" else 1.2, color="#b03030", linestyle="--", linewidth=1)
        axes.set_xticks(range(len(totals)), [f"{total:,}" for total in totals])
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"{kind} before")
        axes.set_title(f"Time, to a lake without; dashed: target ({kind})", fontsize=9)
        axes.legend(frameon=False, fontsize=8)
    return figure


def soak(figures: dict[str, Any]) -> Figure | None:
    looks = figures["looks"]
    if len(looks) < 2:
        return None
    figure, axes = _figure(3.2)
    minutes = [figures["minutes"] * place / (len(looks) - 1) for place in range(len(looks))]
    for part in looks[0]["memory"]:
        axes.plot(minutes, [look["memory"][part] / 1e6 for look in looks], label=part)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("minutes")
    axes.set_ylabel("MB (PSS)")
    axes.set_title(f"Memory over {figures['minutes']:g} minutes at {figures['rate']:g} orders/s")
    axes.legend(frameon=False, fontsize=8, ncols=2)
    return figure


PLOTS: dict[str, Callable[[dict[str, Any]], Figure | None]] = {
    "throughput": throughput,
    "latency": latency,
    "floors": floors,
    "growth": growth,
    "soak": soak,
}


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _bars(axes: Axes, labels: list[str], spreads: list[dict[str, float]], colours: list[str]) -> None:
    middles = [one["median"] for one in spreads]
    axes.barh(labels, middles, color=colours, height=0.62)
    axes.set_xlim(0, max(one["max"] for one in spreads) * 1.15)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    _spreads(axes, spreads)


def _dots(axes: Axes, labels: list[str], spreads: list[dict[str, float]], colours: list[str]) -> None:
    """On a logarithmic scale, where the length of a bar would mean nothing."""
    for place, (one, colour) in enumerate(zip(spreads, colours, strict=True)):
        axes.plot(one["median"], place, "o", color=colour, markersize=10)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xscale("log")
    axes.set_xlim(min(one["min"] for one in spreads) / 1.5, max(one["max"] for one in spreads) * 2.5)
    _plain_numbers(axes)
    _spreads(axes, spreads)


def _spreads(axes: Axes, spreads: list[dict[str, float]]) -> None:
    for place, one in enumerate(spreads):
        if one["runs"] > 1:
            axes.plot([one["min"], one["max"]], [place, place], color="#222222", linewidth=1.2)
        form = ",.0f" if one["median"] >= 10 else ",.1f"
        _note(axes, format(one["median"], form), (one["max"], place), (7, 0), va="center", fontsize=9)
    axes.grid(axis="x", color="#e6e6e6")


def _note(axes: Axes, text: str, at: tuple[float, float], by: tuple[int, int], **look: Any) -> None:
    axes.annotate(text, at, by, textcoords="offset points", **look)


def _plain_numbers(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(axes: Axes, colours: dict[str, str]) -> None:
    shown: Iterable[Any] = [Patch(color=colour, label=name) for name, colour in colours.items()]
    axes.legend(handles=list(shown), frameon=False, fontsize=8, loc="lower right")


def _colour(name: str, contender: dict[str, Any]) -> str:
    if name.startswith("saleslake"):
        return OURS if name == "saleslake" else PALE
    return EQUAL if gives_all(contender["guarantees"]) else WEAKER


def _who(row: dict[str, Any]) -> str:
    interval = f", every {row['interval']:g} s" if "interval" in row else ""
    where = ", with Airflow" if row["airflow"] else ""
    return f"{row['title'].removesuffix(', the whole stack')}{interval}{where}, {row['rate']:,}/s"
