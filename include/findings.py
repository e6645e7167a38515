"""What a comparison of code with a lake and its database found, one thing at a time."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple


class Finding(NamedTuple):
    """
    `ok`: nothing to do. `grows`: the next start sees to it. `cannot`: this code must not start on that, and
    `way_out` says what to do instead. `unseen`: it could not be looked at.
    """

    what: str
    state: Literal["ok", "grows", "cannot", "unseen"]
    text: str
    way_out: str = ""


MARKS = {"ok": "ok", "grows": "grows", "cannot": "CANNOT", "unseen": "unseen"}


def fits(found: Sequence[Finding]) -> bool:
    return all(finding.state != "cannot" for finding in found)


def as_json(found: Sequence[Finding]) -> dict[str, Any]:
    return {"fits": fits(found), "findings": [finding._asdict() for finding in found]}


def as_text(found: Sequence[Finding]) -> str:
    """A line per finding and the verdict last."""
    width = max(len(finding.what) for finding in found)
    lines = (
        f"{MARKS[f.state]:<6}  {f.what:<{width}}  {f.text}{f'. Way out: {f.way_out}' if f.way_out else ''}"
        for f in found
    )
    verdict = "can go on from here" if fits(found) else "cannot go on from here"
    return "\n".join([*lines, f"This version {verdict}."])
