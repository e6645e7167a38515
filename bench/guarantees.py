"""What a contender promises: figures of two that promise different things are not those of one job."""

from collections.abc import Mapping
from typing import NamedTuple

# How guarantees are worded that are worth as much as ours.
ALL_RULES, EXACT = ("every rule", "all of it"), "yes"


class Guarantees(NamedTuple):
    """A few words each, for a table."""

    contract: str  # which rules of the contract are checked
    duplicates: str  # what becomes of an order that comes twice
    quarantine: str  # what becomes of a record that breaks a rule
    exactly_once: str  # what is counted after kill -9
    lake: str  # which tables it keeps


def gives_all(guarantees: Mapping[str, str]) -> bool:
    """Is every rule checked, and every order counted once whatever happens? Then it does our job."""
    return guarantees["contract"] in ALL_RULES and guarantees["exactly_once"].startswith(EXACT)
