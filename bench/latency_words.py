"""What latencies are told in: a line while they are measured, a table on the page."""

from typing import Any

from bench.measuring import Found
from bench.tables import markdown

OF_INTERVALS = 1_000  # orders per second, at which trigger intervals are tried


def in_words(row: dict[str, Any]) -> str:
    who = f"{row['title']} at {row['rate']:,}/s"
    if "interval" in row:
        who += f", trigger every {row['interval']:g} s"
    if "failed" in row:
        return f"{who}: {row['failed']}"
    held = "held" if row["sustained"] else "not held"
    return f"{who}: p50 {row['p50']:.2f} s, p95 {row['p95']:.2f} s, p99 {row['p99']:.2f} s, {held}"


def _held(row: dict[str, Any], seconds: int) -> str:
    if row["sustained"] and row["p95"] > seconds / 2:
        return "too short to say"
    return "yes" if row["sustained"] else "no"


def told(found: Found) -> str:
    head = [
        "",
        "offered, orders/s",
        "arrived",
        "p50, s",
        "p95",
        "p99",
        "most",
        "held",
        "late",
        "cores",
        "sender",
    ]
    lines = []
    for row in found["rows"]:
        title = row["title"] + (f", trigger every {row['interval']:g} s" if "interval" in row else "")
        if "failed" in row:
            lines.append([title, f"{row['rate']:,}", "did not count: " + row["failed"].splitlines()[0],
                          *[""] * (len(head) - 3)])  # fmt: skip
            continue
        lines.append(
            [title, f"{row['rate']:,}", f"{row['arrived_per_second']:,}"]
            + [f"{row[name]:.2f}" for name in ("p50", "p95", "p99", "max")]
            + [_held(row, found["seconds"])]
            + [f"{row['behind']} of {row['batches']}" if "behind" in row else ""]
            + [f"{row['cores']:.2f}" if "cores" in row else ""]
            + [f"{row['sender_cores']:.2f}"]
        )
    least = found["shortest"]
    held = f"{least:g} s" if least is not None else "none of those tried"
    return (
        f"{markdown(head, lines)}\n\nThe shortest trigger interval that holds at {OF_INTERVALS:,}/s: {held}."
    )
