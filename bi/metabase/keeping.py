"""How an object is recognised as ours, compared with what it should be, and put right."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bi.metabase.api import Metabase

# Stands in the description of whatever of ours has one, so that a renamed one is found again.
KEPT = "Kept by `saleslake bi metabase`."
Object = dict[str, Any]
# So many are named in a message.
NAMED = 6


@dataclass
class Tally:
    """What a run did, counted; made and changed things are told."""

    tell: Callable[[str], None]
    made: int = 0
    changed: int = 0
    unchanged: int = 0

    def is_made(self, what: str) -> None:
        self.made += 1
        self.tell(f"Made {what}.")

    def is_as_wanted(self, what: str, differed: list[str]) -> None:
        """It was there. What differed has been put right."""
        if differed:
            self.changed += 1
            self.tell(f"Put right {what}: {some(differed)}.")
        else:
            self.unchanged += 1


def described(text: str) -> str:
    return f"{text} {KEPT}"


def ours(rows: Iterable[Object], name: str) -> Object | None:
    """
    The one that carries our mark, else the one of our name. Of several the oldest: copies carry the mark too.
    """
    known = list(rows)
    marked = [row for row in known if KEPT in (row.get("description") or "")]
    return oldest(marked or [row for row in known if row.get("name") == name])


def oldest(rows: Iterable[Object]) -> Object | None:
    return min(rows, key=lambda row: int(row["id"]), default=None)


def holds(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there. An object may hold more."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(holds(found.get(key), wanted[key]) for key in wanted)
    return bool(found == wanted)


def merged(found: Any, wanted: Any) -> Any:
    """`found` with what is wanted in it; the rest of it stays."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return {**found, **{key: merged(found.get(key), value) for key, value in wanted.items()}}
    return wanted


def put_right(metabase: Metabase, path: str, found: Object, wanted: Object) -> list[str]:
    """The object at `path` has all of `wanted`. Returns what differed; asks nothing when nothing did."""
    differing = {key: value for key, value in wanted.items() if not holds(found.get(key), value)}
    if differing:
        metabase.put(path, differing)
    return list(differing)


def some(names: list[str]) -> str:
    """The first few of them, and how many more."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
