"""The metric contract of `bi/metrics.yml`: read, checked, and the SQL that its words stand for."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from include.errors import SetupError
from include.settings import PROJECT_ROOT

CONTRACT = PROJECT_ROOT / "bi" / "metrics.yml"
SCHEMA = "marts"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Frozen):
    """A column of a mart. `type` is PostgreSQL's name of it."""

    type: str
    label: str
    description: str


class ReadyQuery(_Frozen):
    """For an analyst to begin with: what it says, and the SELECT."""

    says: str
    sql: str


class Mart(_Frozen):
    """A table or view of `marts`. `grain` completes "one row per ..."; `joins`: column to dimension."""

    label: str
    kind: Literal["aggregate", "fact", "dimension", "history", "view"]
    description: str
    grain: str
    key: tuple[str, ...]
    joins: dict[str, str] = {}
    freshness: str
    queries: tuple[ReadyQuery, ...]
    columns: dict[str, Column]


class Measure(_Frozen):
    """
    What is measured: `sum` or `min` of a column of `mart`, or the `ratio` of two other measures.

    `per`: how many of the column's unit make one of the measure's. `additive`: over which dimensions its
    values add up. `format`: as spreadsheets write it.
    """

    label: str
    definition: str
    unit: Literal["currency", "orders", "units", "ratio"]
    format: str
    mart: str = ""
    sum: str = ""
    min: str = ""
    ratio: tuple[str, str] | None = None
    per: int = 1
    additive: tuple[str, ...] = ()
    owner: str = ""

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if sum((bool(self.sum), bool(self.min), bool(self.ratio))) != 1:
            raise ValueError("give one of sum, min and ratio")
        if bool(self.mart) == bool(self.ratio):
            raise ValueError("a sum or min needs its mart, and a ratio has none")
        return self

    @property
    def column(self) -> str:
        """Of `mart`; empty for a ratio."""
        return self.sum or self.min


class Dimension(_Frozen):
    """
    What measures are looked at by. `columns`: by mart; `of`: table.column that names it. `grouped_by` its
    key, so that two of one name stay two, or by its name.
    """

    label: str
    definition: str
    columns: dict[str, str]
    of: str = ""
    grouped_by: Literal["key", "name"] = "key"


class Question(_Frozen):
    """What every tool answers: measures by dimensions, the largest of `order` first, `limit` of them."""

    label: str
    definition: str
    measures: tuple[str, ...]
    by: tuple[str, ...]
    order: tuple[str, ...] = ()
    limit: int | None = None
    chart: Literal["bar", "line", "table"]


class Contract(_Frozen):
    owner: str
    currency: str
    measures: dict[str, Measure]
    dimensions: dict[str, Dimension]
    questions: dict[str, Question]
    marts: dict[str, Mart]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        unknown = [f"{where}: no {what} {name!r}" for where, what, name, known in self._names() if not known]
        if unknown:
            raise ValueError("; ".join(unknown))
        return self

    def _names(self) -> Iterator[tuple[str, str, str, bool]]:
        """Every name that stands for something else: where, what it should be, the name, whether it is."""
        for name, mart in self.marts.items():
            for column in (*mart.key, *mart.joins):
                yield f"marts.{name}", "column", column, column in mart.columns
            for table in mart.joins.values():
                yield f"marts.{name}.joins", "mart", table, table in self.marts
        for name, measure in self.measures.items():
            where = f"measures.{name}"
            for other in measure.ratio or ():
                yield where, "measure", other, other in self.measures
            if measure.mart:
                yield (
                    where,
                    "column",
                    f"{measure.mart}.{measure.column}",
                    self.has(measure.mart, measure.column),
                )
            for dimension in measure.additive:
                yield where, "dimension", dimension, dimension in self.dimensions
        for name, dim in self.dimensions.items():
            for table, column in (*dim.columns.items(), *([tuple(dim.of.split("."))] if dim.of else [])):
                yield f"dimensions.{name}", "column", f"{table}.{column}", self.has(table, column)
        for name, question in self.questions.items():
            for other in (*question.measures, *question.order):
                yield f"questions.{name}", "measure", other, other in self.measures
            for other in question.by:
                yield f"questions.{name}", "dimension", other, other in self.dimensions

    def has(self, mart: str, column: str) -> bool:
        return mart in self.marts and column in self.marts[mart].columns

    def owner_of(self, measure: str) -> str:
        return self.measures[measure].owner or self.owner

    def mart_of(self, measures: Sequence[str]) -> str:
        """
        The mart that has all these measures.

        Raises:
            ValueError: they are of several.
        """
        found = {
            self.measures[part].mart for name in measures for part in (self.measures[name].ratio or (name,))
        }
        if len(found) != 1:
            raise ValueError(f"{', '.join(measures)}: measures of {', '.join(sorted(found))}; ask each alone")
        return found.pop()


@cache
def contract(file: Path = CONTRACT) -> Contract:
    """
    The contract as it stands in the project.

    Raises:
        SetupError: it cannot be read, or says something that cannot be.
    """
    try:
        return Contract.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SetupError(f"The metric contract {file}: {error}. Nothing was made of it.") from error
