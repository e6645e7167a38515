"""The files for Tableau of the project's contract, read back."""

from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from bi.contract import Contract, contract
from bi.tableau.workbook import WORKBOOK, files

CONTRACT = contract()
FILES = files(CONTRACT)
BOOK = ElementTree.fromstring(FILES[WORKBOOK])  # noqa: S314
SOURCES = {found.attrib["name"]: found for found in BOOK.iterfind("datasources/datasource")}
SHEETS = {found.attrib["name"]: found for found in BOOK.iterfind("worksheets/worksheet")}
PUBLISHED = [ElementTree.fromstring(text) for path, text in FILES.items() if path.suffix == ".tds"]  # noqa: S314
ALL_SOURCES = [*SOURCES.values(), *PUBLISHED]


def changed(part: str, name: str, **update: object) -> Contract:
    """The contract with one entry changed, unchecked."""
    entries = {**getattr(CONTRACT, part)}
    entries[name] = entries[name].model_copy(update=update)
    return CONTRACT.model_copy(update={part: entries})


def columns_of(source: Element) -> dict[str, Element]:
    return {column.attrib["name"]: column for column in source.iterfind("column")}


def formulas_of(element: Element) -> str:
    return "".join(found.attrib["formula"] for found in element.iter("calculation"))


def texts_of(element: Element) -> Iterator[str]:
    """All that is said in it: attributes and texts."""
    for part in element.iter():
        yield from (*part.attrib.values(), part.text or "")


def canonical(element: Element) -> str:
    """Equal for what differs in its indentation alone."""
    return ElementTree.canonicalize(ElementTree.tostring(element), strip_text=True)
