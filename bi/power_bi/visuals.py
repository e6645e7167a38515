"""The visuals of a Power BI report: what each of them reads, in which order, and what it is called."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from bi.power_bi.fields import METRICS, Field

Json = dict[str, Any]

DRAWN = {"bar": "clusteredBarChart", "line": "lineChart"}


class Asked(NamedTuple):
    """
    A question in Power BI's names.

    `by`: of each dimension its name and, after it, its key. `order`: fields, and whether they descend.
    """

    name: str
    kind: Literal["bar", "line", "table"]
    title: str
    about: str
    by: list[tuple[Field, ...]]
    measures: list[Field]
    order: list[tuple[Field, bool]]
    limit: int | None


def card(value: Field, title: str, about: str) -> Json:
    """One number."""
    return {"visual": _visual("card", {"Values": [_shown(value)]}, title, about)}


def slicer(of: Field, title: str, about: str) -> Json:
    """A range of `of`, which filters the page."""
    visual = _visual("slicer", {"Values": [_shown(of, active=True)]}, title, about)
    return {"visual": {**visual, "objects": {"data": [{"properties": {"mode": _literal("Between")}}]}}}


def chart(asked: Asked) -> Json:
    """
    The visual of a question. Of each dimension on the axis or in a table the key stands beside the name, for
    two may have one name; a legend takes one field, the name.
    """
    visual = _table(asked) if asked.kind == "table" else _drawn(asked)
    if not asked.limit:
        return {"visual": visual}
    ranked = [field for field, descends in asked.order if descends] or asked.measures
    return {
        "visual": visual,
        "filterConfig": {"filters": [_top(f"{asked.name}_limit", asked.by[0][-1], ranked[0], asked.limit)]},
    }


def _table(asked: Asked) -> Json:
    values = [_shown(field) for fields in (*asked.by, asked.measures) for field in fields]
    return _visual("tableEx", {"Values": values}, asked.title, asked.about, asked.order)


def _drawn(asked: Asked) -> Json:
    """Drawn is the first measure; the others are in the tooltips."""
    axis, *series = asked.by
    roles = {
        "Category": [_shown(field, active=True) for field in axis],
        "Series": [_shown(fields[0]) for fields in series],
        "Y": [_shown(asked.measures[0])],
        "Tooltips": [_shown(field) for field in asked.measures[1:]],
    }
    order = [(field, descends) for field, descends in asked.order if field in (*axis, *asked.measures)]
    return _visual(DRAWN[asked.kind], roles, asked.title, asked.about, order)


def _visual(
    kind: str,
    roles: dict[str, list[Json]],
    title: str,
    about: str,
    order: Sequence[tuple[Field, bool]] = (),
) -> Json:
    query: Json = {"queryState": {role: {"projections": shown} for role, shown in roles.items() if shown}}
    if order:
        query["sortDefinition"] = {
            "sort": [
                {"field": _field(field), "direction": "Descending" if descends else "Ascending"}
                for field, descends in order
            ]
        }
    return {
        "visualType": kind,
        "query": query,
        "visualContainerObjects": {
            "title": [{"properties": {"show": _literal(True), "text": _literal(title)}}],
            "general": [{"properties": {"altText": _literal(about)}}],
        },
        "drillFilterOtherVisuals": True,
    }


def _shown(field: Field, *, active: bool = False) -> Json:
    """A field in a role; `active` are those that an axis is drawn by."""
    shown = {"field": _field(field), "queryRef": f"{field.table}.{field.name}", "nativeQueryRef": field.name}
    return {**shown, "active": True} if active else shown


def _field(field: Field, source: Json | None = None) -> Json:
    kind = "Measure" if field.table == METRICS else "Column"
    reference = source or {"Entity": field.table}
    return {kind: {"Expression": {"SourceRef": reference}, "Property": field.name}}


def _literal(value: str | bool) -> Json:
    if isinstance(value, bool):
        return {"expr": {"Literal": {"Value": str(value).lower()}}}
    return {"expr": {"Literal": {"Value": "'" + value.replace("'", "''") + "'"}}}


def _top(name: str, of: Field, by: Field, count: int) -> Json:
    """The filter that keeps the `count` values of `of` with the largest `by`, and those equal to the last."""
    rows = {"Name": "t", "Entity": of.table, "Type": 0}
    key = _field(of, {"Source": "t"})
    largest = {
        "Version": 2,
        "From": [rows, {"Name": "m", "Entity": by.table, "Type": 0}],
        "Select": [{**key, "Name": "field"}],
        "OrderBy": [{"Direction": 2, "Expression": _field(by, {"Source": "m"})}],
        "Top": count,
    }
    return {
        "name": name,
        "field": _field(of),
        "type": "TopN",
        "filter": {
            "Version": 2,
            "From": [{"Name": "subquery", "Expression": {"Subquery": {"Query": largest}}, "Type": 2}, rows],
            "Where": [
                {"Condition": {"In": {"Expressions": [key], "Table": {"SourceRef": {"Source": "subquery"}}}}}
            ],
        },
    }
