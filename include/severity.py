"""How bad something is, and for whom: what every judgement of supervision is said in."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

# A warning is for knowing: nothing is to be done at once, or it is being done. Critical is for a person.
Severity = Literal["ok", "warning", "critical"]
ORDER: tuple[Severity, ...] = ("ok", "warning", "critical")


class Reason(NamedTuple):
    """
    Why something is not well: value, threshold and setting in one sentence. `kind` is the kind of its
    incident. `at_once`: told without waiting whether it lasts.
    """

    kind: str
    severity: Severity
    text: str
    at_once: bool = False


def worst(severities: Iterable[Severity]) -> Severity:
    """Of nothing: ok."""
    return max(severities, key=ORDER.index, default="ok")


def worst_first(reasons: Iterable[Reason]) -> list[Reason]:
    return sorted(reasons, key=lambda reason: -ORDER.index(reason.severity))
