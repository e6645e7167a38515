"""
A parser of the DAX that the model's measures and calculated tables are written in.

Calls, columns, measures, tables, whole numbers, texts, words and `/`. Anything else is an error.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\s*(?:(?P<column>(?:'(?:[^']|'')+'|[A-Za-z_]\w*)?\[(?:[^\]]|\]\])+\])
    |(?P<table>'(?:[^']|'')+')|(?P<text>"(?:[^"]|"")*")|(?P<number>\d+(?![\w.]))|(?P<word>[A-Za-z_]\w*)
    |(?P<mark>[(),/]))""",
    re.VERBOSE,
)
_REFERENCE = re.compile(r"(?:'(?P<quoted>(?:[^']|'')+)'|(?P<bare>\w+))?\[(?P<name>(?:[^\]]|\]\])+)\]")


class DaxError(ValueError):
    """The expression is not of the DAX that is read here."""


@dataclass(frozen=True)
class Number:
    value: int


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Word:
    """A bare word, such as the name of a type."""

    name: str


@dataclass(frozen=True)
class Table:
    name: str


@dataclass(frozen=True)
class Column:
    table: str
    name: str


@dataclass(frozen=True)
class Measure:
    """`[name]` without a table."""

    name: str


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True)
class Quotient:
    above: "Expression"
    below: "Expression"


Expression = Number | Text | Word | Table | Column | Measure | Call | Quotient


def parse(text: str) -> Expression:
    """
    The expression that `text` is, and nothing after it.

    Raises:
        DaxError: it is something else.
    """
    tokens = _tokens(text)
    expression = _quotient(tokens)
    if tokens:
        raise DaxError(f"{text}: {tokens[0][1]} is too much")
    return expression


def _tokens(text: str) -> list[tuple[str, str]]:
    """Kind and text of each, the last first."""
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if not match or not match.lastgroup:
            raise DaxError(f"{text}: not understood from {text[at:]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found[::-1]


def _quotient(tokens: list[tuple[str, str]]) -> Expression:
    expression = _operand(tokens)
    while tokens and tokens[-1] == ("mark", "/"):
        tokens.pop()
        expression = Quotient(expression, _operand(tokens))
    return expression


def _operand(tokens: list[tuple[str, str]]) -> Expression:
    if not tokens:
        raise DaxError("something is missing at the end")
    kind, text = tokens.pop()
    match kind:
        case "number":
            return Number(int(text))
        case "text":
            return Text(text[1:-1].replace('""', '"'))
        case "table":
            return Table(text[1:-1].replace("''", "'"))
        case "column":
            return _reference(text)
        case "word" if tokens and tokens[-1] == ("mark", "("):
            return Call(text.upper(), _arguments(tokens))
        case "word":
            return Word(text.upper())
    raise DaxError(f"{text} stands where a value should")


def _arguments(tokens: list[tuple[str, str]]) -> tuple[Expression, ...]:
    tokens.pop()
    arguments = [_quotient(tokens)]
    while tokens and tokens[-1] == ("mark", ","):
        tokens.pop()
        arguments.append(_quotient(tokens))
    if not tokens or tokens.pop() != ("mark", ")"):
        raise DaxError("a bracket is not closed")
    return tuple(arguments)


def _reference(text: str) -> Column | Measure:
    found = _REFERENCE.fullmatch(text)
    assert found
    name = found["name"].replace("]]", "]")
    table = found["bare"] or (found["quoted"] or "").replace("''", "'")
    return Column(table, name) if table else Measure(name)
