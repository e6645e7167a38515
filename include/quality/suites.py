"""The suites of include/expectations: read anew each time, and refused when they could not judge anything."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from include.errors import SuiteUnusable
from include.quality.tables import HOUR_COLUMNS, Checked
from include.quality.words import WORDS, columns_of, in_words
from include.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "include" / "expectations"
# Great Expectations' own severities, and what they mean here.
SEVERITIES = {"critical": "fail", "warning": "warn"}


class Expectation(NamedTuple):
    """One expectation as its file has it."""

    kind: str
    kwargs: dict[str, Any]
    severity: str
    why: str

    @property
    def is_of_hours(self) -> bool:
        """It looks at what the hour's rows add up to, not at the rows."""
        return set(columns_of(self.kwargs)) <= set(HOUR_COLUMNS)

    @property
    def words(self) -> str:
        return in_words(self.kind, self.kwargs)

    def as_json(self) -> dict[str, Any]:
        severity = next(theirs for theirs, ours in SEVERITIES.items() if ours == self.severity)
        # Data Docs show notes below the expectation.
        return {"type": self.kind, "kwargs": self.kwargs, "severity": severity, "notes": self.why}


class Suite(NamedTuple):
    name: str
    expectations: tuple[Expectation, ...]


def path_of(table: Checked, folder: Path | None = None) -> Path:
    return (folder or FOLDER) / f"{table.suite}.json"


def read_suite(table: Checked) -> Suite:
    """
    The suite of a table.

    Raises:
        SuiteUnusable: there is no file, it is about another table, it expects nothing, or something that
            cannot be judged.
    """
    path = path_of(table)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name, listed = content["name"], content["expectations"]
        expectations = tuple(map(_expectation, listed))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unusable(table, f"{type(error).__name__}: {error}") from error
    if name != table.suite:
        raise _unusable(table, f"the suite in it is named {name!r}")
    if not expectations:
        raise _unusable(table, "it expects nothing")
    return Suite(name, expectations)


def _expectation(content: dict[str, Any]) -> Expectation:
    kind, kwargs = content["type"], content["kwargs"]
    if kind not in WORDS:
        raise ValueError(f"{kind} is none of the kinds in include/quality/words.py")
    columns = columns_of(kwargs)
    of_hours = set(columns) & set(HOUR_COLUMNS)
    if of_hours and of_hours != set(columns):
        raise ValueError(f"{kind} of {columns}: rows and hours are not looked at together")
    in_words(kind, kwargs)
    return Expectation(kind, kwargs, SEVERITIES[content["severity"]], content["meta"]["why"])


def _unusable(table: Checked, found: str) -> SuiteUnusable:
    return SuiteUnusable(
        f"Reading the suite of {table.full_name}, include/expectations/{table.suite}.json: {found}."
        " Without it the table counts as bad."
        " See docs/runbooks/publish_marts.md, 'A quality gate failed'."
    )
