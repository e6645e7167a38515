"""
The report for Power BI, in the PBIR format: one page with the contract's questions.

The schema versions are not the newest published ones: Power BI Desktop reads those up to its own, so every
Desktop of 2026 reads these, and raises them when it saves.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bi.contract import Contract
from bi.power_bi.fields import HOUR, dimension, measure
from bi.power_bi.visuals import Asked, Json, card, chart, slicer

SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition"
PAGE = "sales"
WIDTH, HEIGHT = 1280, 720
GAP = 16
CARDS = ("revenue", "orders", "average_order_value", "units", "completeness")
CARD_HEIGHT = 96
CHARTS_IN_A_ROW = 2


class Place(NamedTuple):
    """Where a visual is on the page."""

    x: int
    y: int
    width: int
    height: int


def files(contract: Contract) -> dict[Path, str]:
    """Texts by path, relative to the folder `definition` of the report."""
    page = Path("pages", PAGE)
    return {
        Path("version.json"): document(schema("versionMetadata", "1.0.0"), version="2.0.0"),
        Path("report.json"): document(schema("report", "3.0.0"), themeCollection={}),
        Path("pages", "pages.json"): document(
            schema("pagesMetadata", "1.0.0"), pageOrder=[PAGE], activePageName=PAGE
        ),
        page / "page.json": document(
            schema("page", "2.0.0"),
            name=PAGE,
            displayName="Sales",
            displayOption="FitToPage",
            height=HEIGHT,
            width=WIDTH,
        ),
        **{page / "visuals" / name / "visual.json": text for name, text in _visuals(contract)},
    }


def schema(name: str, version: str) -> str:
    return f"{SCHEMAS}/{name}/{version}/schema.json"


def document(of: str, **content: Any) -> str:
    """A JSON file of the schema `of`, with the line ends that Power BI writes."""
    text = json.dumps({"$schema": of, **content}, indent=2, ensure_ascii=False)
    return text.replace("\n", "\r\n") + "\r\n"


def _visuals(contract: Contract) -> Iterator[tuple[str, str]]:
    """Above the filter of hours and the totals, below a chart for each question."""
    places = _row(len(CARDS) + 1, top=GAP, height=CARD_HEIGHT)
    (hour,), described = dimension(contract, HOUR), contract.dimensions[HOUR]
    made = {"hours": slicer(hour, described.label, described.definition)}
    for name in CARDS:
        asked = contract.measures[name]
        made[f"total_{name}"] = card(measure(contract, name), asked.label, asked.definition)
    made |= {name: _chart(contract, name) for name in contract.questions}
    places += _grid(len(contract.questions), top=CARD_HEIGHT + 2 * GAP)
    for order, (place, (name, content)) in enumerate(zip(places, made.items(), strict=True)):
        position = {**place._asdict(), "z": order, "tabOrder": order}
        yield name, document(schema("visualContainer", "2.5.0"), name=name, position=position, **content)


def _row(count: int, *, top: int, height: int) -> list[Place]:
    width = (WIDTH - GAP * (count + 1)) // count
    return [Place(GAP + number * (width + GAP), top, width, height) for number in range(count)]


def _grid(count: int, *, top: int) -> list[Place]:
    rows = -(-count // CHARTS_IN_A_ROW)
    height = (HEIGHT - top - GAP * rows) // rows
    places = [
        place
        for row in range(rows)
        for place in _row(CHARTS_IN_A_ROW, top=top + row * (height + GAP), height=height)
    ]
    return places[:count]


def _chart(contract: Contract, name: str) -> Json:
    question = contract.questions[name]
    by = [dimension(contract, each) for each in question.by]
    # The order of the SQL: the largest first, then by the keys.
    order = [(measure(contract, each), True) for each in question.order]
    order += [(fields[-1], False) for fields in by]
    return chart(
        Asked(
            name=name,
            kind=question.chart,
            title=question.label,
            about=question.definition,
            by=by,
            measures=[measure(contract, each) for each in question.measures],
            order=order,
            limit=question.limit,
        )
    )
