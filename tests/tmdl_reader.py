"""
A small reader of TMDL, written from its published description, not from the code that writes it.

It reads objects by indentation, `= expression`, `/// description` and `ref`. What it does not know is an
error, and so is what TMDL forbids: spaces as indentation, a level left out, a property given twice, a
description without its object.
"""

import re
from dataclasses import dataclass, field

OBJECTS = ("database", "model", "table", "column", "measure", "partition", "relationship", "expression",
           "annotation")  # fmt: skip
_NAME = r"(?:'(?:[^']|'')*'|[^\s.=:']+)"
_OBJECT = re.compile(
    rf"(?P<kind>(?:ref )?(?:{'|'.join(OBJECTS)}))(?: (?P<name>{_NAME}))?(?: = ?(?P<default>.*))?"
)
_PROPERTY = re.compile(r"(?P<key>\w+)(?:: (?P<value>.*)| =(?: (?P<expression>.*))?)?")


class TmdlError(ValueError):
    """The text is not TMDL as it is described."""


@dataclass
class Node:
    """One object. `default` is what stands after `=`."""

    kind: str
    name: str
    default: str
    about: str
    properties: dict[str, str] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    def of_kind(self, kind: str) -> list["Node"]:
        return [child for child in self.children if child.kind == kind]


def read(text: str) -> list[Node]:
    """The objects of a file."""
    lines = [(len(line) - len(line.lstrip("\t")), line.strip("\t")) for line in text.splitlines()]
    root = Node("", "", "", "")
    _read_below(root, lines, 0, -1)
    return root.children


def unquoted(name: str) -> str:
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def split_reference(reference: str) -> tuple[str, ...]:
    """`'A b'.C` as its names."""
    if not re.fullmatch(rf"{_NAME}(?:\.{_NAME})*", reference):
        raise TmdlError(f"not a reference: {reference}")
    return tuple(unquoted(name) for name in re.findall(_NAME, reference))


def _read_below(parent: Node, lines: list[tuple[int, str]], at: int, depth: int) -> int:
    """Put what is deeper than `depth` into `parent`; returns the line after it."""
    about: list[str] = []
    while at < len(lines):
        level, line = lines[at]
        if not line and not about:
            at += 1
            continue
        if line and level <= depth:
            break
        if level != depth + 1 or line.startswith(" "):
            raise TmdlError(f"line {at + 1}: wrong indentation, or a description without an object: {line!r}")
        if line.startswith("///"):
            about.append(line.removeprefix("///").strip())
            at += 1
        elif found := _OBJECT.fullmatch(line):
            node = Node(
                found["kind"], unquoted(found["name"] or ""), found["default"] or "", "\n".join(about)
            )
            parent.children.append(node)
            about = []
            at = _read_below(node, lines, at + 1, depth + 1)
        else:
            at = _read_property(parent, lines, at, described=bool(about))
    if about:
        raise TmdlError(f"line {at}: a description without an object")
    return at


def _read_property(parent: Node, lines: list[tuple[int, str]], at: int, *, described: bool) -> int:
    level, line = lines[at]
    found = _PROPERTY.fullmatch(line)
    if not found or described or not parent.kind or found["key"] in parent.properties:
        raise TmdlError(
            f"line {at + 1}: not a property of {parent.kind or 'a file'}, or its second: {line!r}"
        )
    at += 1
    text = found["value"] or found["expression"]
    if text is None and line.endswith("="):
        below = []
        while at < len(lines) and (not lines[at][1] or lines[at][0] > level + 1):
            below.append("\t" * (lines[at][0] - level - 2) + lines[at][1])
            at += 1
        text = "\n".join(below).strip("\n")
    parent.properties[found["key"]] = "true" if text is None else text
    return at
