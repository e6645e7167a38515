"""The charts of the contract's questions, as Tableau draws them: what lies on which shelf."""

from collections.abc import Callable
from typing import NamedTuple
from xml.etree.ElementTree import Element

from bi.tableau.fields import Field


class Instance(NamedTuple):
    """A field as a sheet uses it: a measure as it is, a dimension by its values, a time maybe as an axis."""

    field: Field
    is_axis: bool = False

    @property
    def kind(self) -> str:
        return "quantitative" if self.is_axis else self.field.kind

    @property
    def name(self) -> str:
        prefix = "usr" if self.field.formula else "none"
        return f"[{prefix}:{self.field.name}:{self.kind[0]}k]"

    def element(self) -> Element:
        return Element(
            "column-instance",
            {
                "column": f"[{self.field.name}]",
                "derivation": "User" if self.field.formula else "None",
                "name": self.name,
                "pivot": "key",
                "type": self.kind,
            },
        )


class Asked(NamedTuple):
    """What a question shows: its dimensions, each as key and name or one of them, and its measures."""

    dimensions: tuple[tuple[Field, ...], ...]
    measures: tuple[Instance, ...]


class Drawing(NamedTuple):
    """What lies where. `encodings`: Tableau's name of the shelf and what is on it."""

    mark: str
    rows: tuple[Instance, ...]
    columns: tuple[Instance, ...]
    encodings: tuple[tuple[str, Instance], ...] = ()

    @property
    def instances(self) -> list[Instance]:
        return list(dict.fromkeys((*self.rows, *self.columns, *(on for _, on in self.encodings))))

    @property
    def coloured(self) -> Instance | None:
        """What needs a legend."""
        return next((on for shelf, on in self.encodings if shelf == "color"), None)


def _bar(asked: Asked) -> Drawing:
    """A row for each member, its key and its name; a bar for each measure."""
    members = tuple(Instance(field) for fields in asked.dimensions for field in fields)
    return Drawing("Bar", members, asked.measures)


def _line(asked: Asked) -> Drawing:
    """The first dimension is the axis of time; each other one is a colour, and its key tells lines apart."""
    (time, *_), *others = asked.dimensions
    if time.datatype not in ("datetime", "date"):
        raise ValueError(f"a line needs a time first, not {time.label}")
    colours = tuple(("color", Instance(fields[-1])) for fields in others)
    details = tuple(("lod", Instance(key)) for fields in others for key in fields[:-1])
    return Drawing("Line", asked.measures, (Instance(time, is_axis=True),), (*colours, *details))


def _table(asked: Asked) -> Drawing:
    """A row for each member, its measures as text."""
    members = tuple(Instance(field) for fields in asked.dimensions for field in fields)
    return Drawing("Text", members, (), tuple(("text", measure) for measure in asked.measures))


CHARTS: dict[str, Callable[[Asked], Drawing]] = {"bar": _bar, "line": _line, "table": _table}
