"""A reconciliation as text."""

from include.reconcile.checks import SHOWN, Check
from include.reconcile.run import Reconciliation

HEADINGS = ("layer", "rows", "orders", "cents", "result")


def _cells(check: Check) -> tuple[str, ...]:
    numbers = ("" if n is None else f"{n:,}" for n in (check.rows, check.orders, check.cents))
    return (check.layer, *numbers, check.result + (f"  {check.note}" if check.note else ""))


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS) - 1)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:-1], widths[1:], strict=True)),
                row[-1],
            ]
        )
        for row in rows
    ]


def as_text(result: Reconciliation) -> str:
    """One line per layer, then the first differences, then PASS or FAIL."""
    if result.batch_id is None:
        late = f" {result.waited_in_vain}." if result.waited_in_vain else ""
        return f"FAIL: nothing has arrived in the lake yet, so there is nothing to compare.{late}"
    lines = _table([HEADINGS, *map(_cells, result.checks)])
    for check in result.checks:
        lines += [f"  {check.layer}: {problem}" for problem in check.problems]
        if check.failures > SHOWN:
            lines.append(f"  {check.layer}: and {check.failures - SHOWN:,} more")
    if result.foreign_records:
        lines.append(
            f"{result.foreign_records:,} records are not the simulator's: only the layers were compared."
        )
    if result.waited_in_vain:
        lines.append(
            f"Waited in vain: {result.waited_in_vain}. Is the lake writer running (`saleslake status`)?"
        )
    verdict = "PASS" if result.passed else "FAIL"
    return "\n".join([*lines, f"{verdict} at batch {result.batch_id} ({result.seconds:.1f} s)"])
