"""Variables put into a question's SQL as Metabase puts them in."""

import re
from datetime import date, datetime


def substituted(sql: str, values: dict[str, date], *, as_text: bool) -> tuple[str, list[date]]:
    """
    A part in [[ ]] whose variable has no value is left out; a day becomes a bound value, or a literal.

    Metabase binds them, and writes literals where a query is shown or made into another one's part.
    """
    assert "%" not in sql

    def kept(part: re.Match[str]) -> str:
        return part[1] if set(re.findall(r"\{\{(\w+)\}\}", part[1])) <= set(values) else ""

    bound: list[date] = []

    def put(variable: re.Match[str]) -> str:
        value = values[variable[1]]
        if as_text:
            return f"{'timestamp' if isinstance(value, datetime) else 'date'} '{value}'"
        bound.append(value)
        return "%s"

    return re.sub(r"\{\{(\w+)\}\}", put, re.sub(r"\[\[(.*?)\]\]", kept, sql, flags=re.DOTALL)), bound
