"""The text of TMDL, the language of Power BI's models: names, values, objects and what stands below them."""

import re
import uuid
from collections.abc import Iterable

Lines = list[str]

_BARE = re.compile(r"\w+", re.ASCII)
_TAGS = uuid.uuid5(uuid.NAMESPACE_URL, "saleslake/power_bi")


def name(text: str) -> str:
    """A name as TMDL writes it: quoted unless it is one word."""
    return text if _BARE.fullmatch(text) else "'" + text.replace("'", "''") + "'"


def value(text: str) -> str:
    """The value of a text property: quoted where TMDL would strip or misread it."""
    return '"' + text.replace('"', '""') + '"' if text != text.strip() or text[:1] == '"' else text


def tag(of: str) -> str:
    """A GUID that stays the same as long as `of` does: what Power BI knows an object by."""
    return str(uuid.uuid5(_TAGS, of))


def block(head: str, *inner: str | Lines, about: Iterable[str] = ()) -> Lines:
    """An object: `about` as its description, `head`, one tab deeper its properties and inner objects."""
    lines = [*(f"/// {line}" for text in about for line in text.splitlines()), head]
    for part in inner:
        if isinstance(part, str):
            lines.append(f"\t{part}")
        else:
            lines += ["", *(line and f"\t{line}" for line in part)]
    return lines


def expression(head: str, text: str) -> Lines:
    """A property whose expression stands below it."""
    return [f"{head} =", *(f"\t\t{line}" for line in text.splitlines())]


def document(*blocks: Lines) -> str:
    """A file of these objects, with the line ends that Power BI writes."""
    lines = [line for block in blocks for line in (*block, "")]
    return "".join(f"{line}\r\n" for line in lines)
