"""What a comparison of new code with a lake and its database found, one thing at a time."""

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """
    `ok`: nothing to do. `grows`: the next start of the new code sees to it. `cannot`: the new code must not
    start on this, and `way_out` says what to do instead. `unseen`: it could not be looked at.
    """

    subject: str
    verdict: Literal["ok", "grows", "cannot", "unseen"]
    found: str
    way_out: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)
