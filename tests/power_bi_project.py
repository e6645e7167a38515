"""The Power BI project as its files say, found again by reading them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tmdl_reader import Node, read, split_reference

FOLDER = Path("files/power_bi")
MODEL = FOLDER / "Saleslake.SemanticModel" / "definition"
REPORT = FOLDER / "Saleslake.Report" / "definition"
Files = Mapping[Path, str]

_ITEM = re.compile(
    r'PostgreSQL\.Database\(Server, Database\),.*\{\[Schema = "(\w+)", Item = "(\w+)"\]\}', re.DOTALL
)
_SELECTED = re.compile(r"Table\.SelectColumns\(\w+, \{([^}]*)\}\)")
_TYPED = re.compile(r'\{"(\w+)", ([\w .]+)\}')


@dataclass(frozen=True)
class Column:
    source: str
    data_type: str
    is_hidden: bool


@dataclass(frozen=True)
class Table:
    """`kind`: m or calculated. `source`: its expression."""

    columns: dict[str, Column]
    kind: str
    source: str

    @property
    def item(self) -> tuple[str, str]:
        """Schema and table that a query of PostgreSQL navigates to."""
        found = _ITEM.search(self.source)
        assert found, f"no table of PostgreSQL in {self.source}"
        return found[1], found[2]

    @property
    def selected(self) -> list[str]:
        """The columns it takes from there."""
        found = _SELECTED.search(self.source)
        assert found, f"no columns are chosen in {self.source}"
        return re.findall(r'"(\w+)"', found[1])

    @property
    def typed(self) -> dict[str, str]:
        """The types that Power Query gives them."""
        return dict(_TYPED.findall(self.source.partition("TransformColumnTypes")[2]))


@dataclass(frozen=True)
class Relationship:
    """From the many side to the one: table and column of each."""

    many: tuple[str, ...]
    one: tuple[str, ...]
    properties: dict[str, str]


@dataclass(frozen=True)
class Model:
    """`measures`: DAX by name; `homes`: the table each is in."""

    tables: dict[str, Table]
    measures: dict[str, str]
    homes: dict[str, str]
    relationships: tuple[Relationship, ...]

    def column(self, table: str, name: str) -> Column:
        return self.tables[table].columns[name]


def nodes(files: Files) -> list[Node]:
    """Every object of the model, inner ones too."""
    outer = [node for path, text in files.items() if path.suffix == ".tmdl" for node in read(text)]
    return list(_all(outer))


def _all(outer: list[Node]) -> Iterator[Node]:
    for node in outer:
        yield node
        yield from _all(node.children)


def model(files: Files) -> Model:
    found = nodes(files)
    tables = [node for node in found if node.kind == "table"]
    measures = [(table.name, node) for table in tables for node in table.of_kind("measure")]
    return Model(
        {node.name: _table(node) for node in tables},
        {node.name: node.default for _, node in measures},
        {node.name: table for table, node in measures},
        tuple(_relationship(node) for node in found if node.kind == "relationship"),
    )


def _table(node: Node) -> Table:
    (partition,) = node.of_kind("partition")
    columns = {
        column.name: Column(
            column.properties["sourceColumn"],
            column.properties["dataType"],
            column.properties.get("isHidden") == "true",
        )
        for column in node.of_kind("column")
    }
    return Table(columns, partition.default, partition.properties["source"])


def _relationship(node: Node) -> Relationship:
    properties = dict(node.properties)
    many, one = (split_reference(properties.pop(end)) for end in ("fromColumn", "toColumn"))
    return Relationship(many, one, properties)


def json_files(files: Files) -> dict[Path, Any]:
    return {path: json.loads(text) for path, text in files.items() if text.lstrip().startswith("{")}


def visuals(files: Files) -> dict[str, Any]:
    """Every visual by its name."""
    return {path.parent.name: json.loads(text) for path, text in files.items() if path.name == "visual.json"}


def fields(part: Any, sources: Mapping[str, str] | None = None) -> Iterator[tuple[str, str, str]]:
    """Kind, table and name of every column and measure that stands in a part of a JSON file."""
    if isinstance(part, list):
        for one in part:
            yield from fields(one, sources)
    elif isinstance(part, dict):
        named = {one["Name"]: one["Entity"] for one in part.get("From", ()) if "Entity" in one}
        sources = {**(sources or {}), **named}
        for kind in ("Column", "Measure"):
            if kind in part:
                reference = part[kind]["Expression"]["SourceRef"]
                yield kind, reference.get("Entity") or sources[reference["Source"]], part[kind]["Property"]
        for one in part.values():
            yield from fields(one, sources)
