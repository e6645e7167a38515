"""How Metabase draws the questions: charts, titles of columns and formats of numbers, from the contract."""

import json
from typing import Any

from bi.contract import Contract, Measure, Question
from bi.queries import grouping

Settings = dict[str, Any]


def measure_settings(contract: Contract, name: str, currency: str) -> Settings:
    """One number."""
    measure = contract.measures[name]
    return {"scalar.field": name, "column_settings": {column_key(name): column(measure, currency)}}


def question_settings(contract: Contract, asked: Question, currency: str) -> Settings:
    """
    A chart or a table. A chart draws the first measure: the others have other units, or there is a series for
    each value of the second dimension already. As a table it shows all of them.
    """
    titles = _titles(contract, asked)
    named = {column_key(name): {"column_title": title} for name, title in titles.items()}
    measured = {column_key(name): column(contract.measures[name], currency) for name in asked.measures}
    settings: Settings = {
        "column_settings": {**named, **measured},
        # A key beside the name is for joins and equal names, not for readers.
        "table.columns": [
            {"name": name, "enabled": not name.endswith("_key")} for name in [*titles, *asked.measures]
        ],
    }
    if asked.chart != "table":
        drawn = asked.measures[0]
        settings |= {
            "graph.dimensions": list(asked.by),
            "graph.metrics": [drawn],
            "graph.x_axis.title_text": contract.dimensions[asked.by[0]].label,
            "graph.y_axis.title_text": contract.measures[drawn].label,
        }
    return settings


def _titles(contract: Contract, asked: Question) -> dict[str, str]:
    """Title of each column of the dimensions."""
    mart = contract.mart_of(asked.measures)
    titles: dict[str, str] = {}
    for name in asked.by:
        dimension = contract.dimensions[name]
        for key in grouping(contract, name, mart).names:
            is_key = key != name
            titles[key] = (
                contract.marts[mart].columns[dimension.columns[mart]].label if is_key else dimension.label
            )
    return titles


def column(measure: Measure, currency: str) -> Settings:
    """Title and number format of a measure's column."""
    decimals = len(measure.format.rstrip("%").partition(".")[2])
    style: Settings = {"number_style": "decimal"}
    if measure.unit == "currency":
        style = {
            "number_style": "currency",
            "currency": currency,
            "currency_style": "symbol",
            "currency_in_header": False,
        }
    elif measure.format.endswith("%"):
        style = {"number_style": "percent"}
    return {"column_title": measure.label, "decimals": decimals, **style}


def column_key(name: str) -> str:
    """Metabase's key of a column in `column_settings`."""
    return json.dumps(["name", name], separators=(",", ":"))
