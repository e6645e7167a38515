"""What a Tableau data source says, as the SQL that it stands for: its fields, its formulas, its joins."""

import re
from xml.etree.ElementTree import Element

from tests.tableau_files import columns_of

NAME = re.compile(r"\[([^\]]+)\]")


def expression(source: Element, field: str) -> str:
    """A field as SQL: a column of its table, or its formula with every field in it put in."""
    calculation = columns_of(source)[f"[{field}]"].find("calculation")
    if calculation is None:
        mapped = {entry.attrib["key"]: entry.attrib["value"] for entry in source.iter("map")}
        return mapped[f"[{field}]"].replace("[", '"').replace("]", '"')
    formula = NAME.sub(lambda found: expression(source, found[1]), calculation.attrib["formula"])
    return f"({formula.replace('IF ', 'case when ').replace(' THEN ', ' then ').replace(' END', ' end')})"


def relation(element: Element) -> str:
    """The joins as SQL."""
    if element.attrib["type"] == "table":
        return f"{NAME.sub(lambda found: found[1], element.attrib['table'])} as {element.attrib['name']}"
    left, right = element.findall("relation")
    sides = [NAME.sub(r"\1", side.attrib["op"]) for side in element.iterfind("clause/expression/expression")]
    return f"{relation(left)} {element.attrib['join']} join {relation(right)} on {' = '.join(sides)}"
