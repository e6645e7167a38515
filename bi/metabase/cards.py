"""What Metabase gets: a question for each question of the contract, and a number for each measure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bi.contract import Contract, Question
from bi.metabase.appearance import measure_settings, question_settings
from bi.queries import grouping, query, question_sql

MARK = "-- saleslake:"
# Variables of the questions and filters of the dashboard: name in the SQL, and what people read.
VARIABLES = {"first": "From (UTC)", "end": "Before (UTC)"}
PARAMETER_TYPE = "date/single"

# What stands in [[ ]] Metabase leaves out when nobody chose a value: then it is the last 24 hours and the one
# that runs. A chosen day begins at midnight UTC, whatever zone Metabase or its session is in.
_END = "cast({{end}} as timestamp) at time zone 'UTC'"
_FIRST = "cast({{first}} as timestamp) at time zone 'UTC'"
_NOW = "date_trunc('hour', now(), 'UTC')"
HOURS = (
    f"coalesce([[{_FIRST}, ]][[{_END} - interval '24 hours', ]]{_NOW} - interval '24 hours')",
    f"coalesce([[{_END}, ]]{_NOW} + interval '1 hour')",
)


@dataclass(frozen=True, slots=True)
class Card:
    """A question as it should be. `mark` stands in its SQL: by that a renamed one is found again."""

    mark: str
    name: str
    description: str
    display: str
    sql: str
    settings: dict[str, Any]

    def tags(self) -> dict[str, dict[str, str]]:
        """Its variables, as Metabase calls for them."""
        return {
            name: {"id": self._id(name), "name": name, "display-name": label, "type": "date"}
            for name, label in VARIABLES.items()
        }

    def parameters(self) -> list[dict[str, Any]]:
        """The same as what people choose a value for."""
        return [
            {
                "id": self._id(name),
                "name": label,
                "slug": name,
                "type": PARAMETER_TYPE,
                "target": target(name),
            }
            for name, label in VARIABLES.items()
        ]

    def dataset_query(self, database_id: int) -> dict[str, Any]:
        # The form of Metabase 56 and older; newer ones take it too.
        native = {"query": self.sql, "template-tags": self.tags()}
        return {"type": "native", "native": native, "database": database_id}

    def _id(self, name: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"saleslake:{self.mark}:{name}"))


def target(variable: str) -> list[Any]:
    return ["variable", ["template-tag", variable]]


def cards(contract: Contract, currency: str) -> list[Card]:
    """All of them, the measures first. `currency`: ISO code of every amount."""
    return [*_measures(contract, currency), *_questions(contract, currency)]


def _measures(contract: Contract, currency: str) -> Iterator[Card]:
    for name, measure in contract.measures.items():
        mark = f"measure {name}"
        yield Card(
            mark,
            measure.label,
            measure.definition,
            "scalar",
            _marked(mark, query(contract, [name], hours=HOURS)),
            measure_settings(contract, name, currency),
        )


def _questions(contract: Contract, currency: str) -> Iterator[Card]:
    for name, asked in contract.questions.items():
        mark = f"question {name}"
        yield Card(
            mark,
            asked.label,
            asked.definition,
            asked.chart,
            _marked(mark, _with_hours_in_utc(contract, asked, question_sql(contract, name, HOURS))),
            question_settings(contract, asked, currency),
        )


def _marked(mark: str, sql: str) -> str:
    return f"{MARK} {mark}\n{sql}"


def mark_of(sql: str) -> str:
    """The mark in a question's SQL; empty when it is none of ours."""
    first = sql.lstrip().partition("\n")[0]
    return first.removeprefix(MARK).strip() if first.startswith(MARK) else ""


def _with_hours_in_utc(contract: Contract, asked: Question, sql: str) -> str:
    """
    The same rows in the same order, each hour as a time without zone.

    Metabase shows one with a zone in its own report time zone, under a title that says UTC.
    """
    if "hour" not in asked.by:
        return sql
    dimensions = dimension_columns(contract, asked)
    selected = [
        "hour at time zone 'UTC' as hour" if column == "hour" else column
        for column in [*dimensions, *asked.measures]
    ]
    order = [*(f"{name} desc" for name in asked.order), *dimensions]
    chosen = ",\n    ".join(selected)
    return f"select\n    {chosen}\nfrom (\n{sql}\n) as asked\norder by {', '.join(order)}"


def dimension_columns(contract: Contract, asked: Question) -> list[str]:
    """Names of the columns that a question's dimensions have in its answer, in order."""
    mart = contract.mart_of(asked.measures)
    return [column for name in asked.by for column in grouping(contract, name, mart).names]
