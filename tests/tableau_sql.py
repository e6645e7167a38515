"""
The formulas of a Tableau data source as the SQL that they stand for over PostgreSQL: the small part of
Tableau's language that ours are written in. `/` is real division there, also of integers.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

NAME = re.compile(r"\[(\w+)\]")


def formulas(file: Path) -> dict[str, str]:
    """Formula by the name of its field."""
    columns = ElementTree.parse(file).getroot().iter("column")  # noqa: S314 - our own file
    found = {}
    for column in columns:
        calculation = column.find("calculation")
        if calculation is not None:
            found[column.attrib["name"].strip("[]")] = calculation.attrib["formula"]
    return found


def captions(file: Path) -> dict[str, str]:
    """Name of the field that has a formula, by what people read."""
    columns = ElementTree.parse(file).getroot().iter("column")  # noqa: S314 - our own file
    return {
        column.attrib["caption"]: column.attrib["name"].strip("[]")
        for column in columns
        if column.find("calculation") is not None
    }


def sql_of(known: dict[str, str], name: str, alias: str = "f") -> str:
    """One field; fields that it speaks of are put in its place."""

    def put(found: re.Match[str]) -> str:
        other = found[1]
        return f"({sql_of(known, other, alias)})" if other in known else f"{alias}.{other}"

    text = NAME.sub(put, known[name])
    text = re.sub(r"IF (.+) THEN (.+) END", r"case when \1 then \2 end", text)
    return text.replace(" / ", "::double precision / ")
