"""What came of one invariant."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from include.reconcile.checks import Check, Problems

NAMES = {
    "I1": "offsets complete",
    "I2": "payload faithful",
    "I3": "acknowledged is in bronze",
    "I4": "one disposition per offset",
    "I5": "money to the cent",
    "I6": "orders unique",
    "I7": "rebuild equals stream",
    "I8": "twice is once",
    "I9": "never torn",
    "I10": "never back",
    "I11": "alive",
    "I12": "nothing silent",
    "I13": "secrets kept",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`looked_at` in words with counts; `examples` are the first of the violations."""

    invariant: str
    looked_at: str
    violations: int = 0
    examples: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return self.violations == 0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "name": NAMES[self.invariant], "holds": self.holds}


def judged(
    invariant: str, counts: Mapping[str, int], problems: Iterable[str], checks: Iterable[Check] = ()
) -> Finding:
    """
    A finding from problems, and from checks of the reconciliation.

    Args:
        counts: what was looked at, by its name in the plural. A count of 0 is a violation: a check that saw
            nothing has shown nothing.
    """
    found = Problems()
    found.add(problems)
    more = 0
    for check in checks:
        found.add(f"{check.layer}: {problem}" for problem in check.problems)
        more += check.failures - len(check.problems)
    found.add(f"no {name} to look at: nothing was shown" for name, count in counts.items() if not count)
    looked_at = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    return Finding(invariant, looked_at, found.count + more, tuple(found.shown))
