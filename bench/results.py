"""A folder of results: one file of figures, to which each section is added as soon as it is done."""

import json
from pathlib import Path
from typing import Any

from bench.machine import is_same
from include.errors import LakehouseError
from include.settings import PROJECT_ROOT

FILE = "results.json"
DEFAULT = PROJECT_ROOT / "docs" / "benchmarks"
QUICK_BASELINE = DEFAULT / "quick.json"
Results = dict[str, Any]
EMPTY: Results = {"machine": {}, "versions": {}, "peers": {}, "sections": {}}


class ResultsError(LakehouseError):
    """The figures of earlier runs cannot be used."""


def read(file: Path) -> Results:
    """
    Raises:
        ResultsError: there is none, or it is no file of ours.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(
            f"Reading the results {file}: {error}. Nothing was measured. Name a file that `python -m bench`"
            " wrote."
        ) from error
    if not isinstance(found, dict) or "sections" not in found:
        raise ResultsError(
            f"Reading the results {file}: it has no sections. Nothing was measured. Name a file that"
            " `python -m bench` wrote."
        )
    return found


def begun(folder: Path, facts: Results, *, keeps: bool) -> Results:
    """
    Results to which sections can be added: those that are there, if they are to be kept, or none.

    Args:
        facts: `machine`, `versions` and `peers` of now.

    Raises:
        ResultsError: what is there was measured on another machine.
    """
    file = folder / FILE
    sections: Results = {}
    if keeps and file.exists():
        before = read(file)
        if before["sections"] and not is_same(before["machine"], facts["machine"]):
            raise ResultsError(
                f"Adding to the results in {folder}: they are of another machine, {before['machine']}, and"
                " figures of two machines cannot be compared. Nothing was measured. Name another folder with"
                " --results, or measure all sections."
            )
        sections = before["sections"]
    return {**EMPTY, **facts, "sections": dict(sections)}


def write(folder: Path, results: Results) -> None:
    """Whole or not at all: a run that is broken off leaves what was written before."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{FILE}.new"
    draft.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(folder / FILE)


def found(results: Results, section: str) -> dict[str, Any] | None:
    """The section's figures; None when it was not measured, or failed."""
    figures = results["sections"].get(section, {}).get("found")
    return figures if isinstance(figures, dict) else None
