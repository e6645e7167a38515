"""
The SQL of the contract's measures and questions, for PostgreSQL.

Amounts are divided as `numeric`, so no cent is lost; a ratio is of sums. Every query takes the hours from
`first` up to, not including, `end` as parameters, and says so where they stand.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bi.contract import SCHEMA, Contract

HOURS = ("%(first)s", "%(end)s")


class Grouping(NamedTuple):
    """One dimension in a query: what is selected and grouped, and the join it needs."""

    columns: tuple[str, ...]  # SQL, each with its alias
    keys: tuple[str, ...]  # SQL of the same without alias
    join: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called in the answer."""
        return tuple(column.rpartition(" as ")[2] for column in self.columns)


def measure_sql(contract: Contract, name: str, alias: str = "f") -> str:
    """The expression of a measure over the rows of its mart, aliased `alias`."""
    measure = contract.measures[name]
    if measure.ratio:
        above, below = (measure_sql(contract, part, alias) for part in measure.ratio)
        return f"{above} / nullif({below}, 0)"
    if measure.min:
        return f"min({alias}.{measure.min})"
    return f"sum({alias}.{measure.sum})" + (f" / {measure.per}.0" if measure.per != 1 else "")


def grouping(contract: Contract, name: str, mart: str, alias: str = "f", *, schema: str = SCHEMA) -> Grouping:
    """
    A dimension of a mart, named by its dimension table. Grouped by its key, unless the contract says
    otherwise: two products may have one name.

    Raises:
        ValueError: the mart does not have this dimension.
    """
    dimension = contract.dimensions[name]
    if mart not in dimension.columns:
        raise ValueError(f"{SCHEMA}.{mart} has no {name}; {', '.join(dimension.columns)} do")
    key = dimension.columns[mart]
    if not dimension.of:
        return Grouping((f"{alias}.{key} as {name}",), (f"{alias}.{key}",))
    table, column = dimension.of.split(".")
    label = f"{table}.{column}"
    join = f"join {schema}.{table} using ({key})"
    if dimension.grouped_by == "name":
        return Grouping((f"{label} as {name}",), (label,), join)
    return Grouping((f"{alias}.{key} as {name}_key", f"{label} as {name}"), (f"{alias}.{key}", label), join)


def query(
    contract: Contract,
    measures: Sequence[str],
    by: Sequence[str] = (),
    *,
    order: Sequence[str] = (),
    limit: int | None = None,
    hours: tuple[str, str] = HOURS,
    schema: str = SCHEMA,
) -> str:
    """
    One SELECT: a column for each dimension (named ones with `<dimension>_key` before them) and each measure.
    Names are joined to what was summed by key, where that is what is asked for: millions of rows need none.

    Args:
        order: the largest of these first, then by the dimensions; none: by the dimensions.
        hours: SQL of the first hour and of the end; hours from the first up to, not including, the end.
        schema: where the marts are, as SQL writes it; a copy of them may be elsewhere.
    """
    mart = contract.mart_of(measures)
    groups = [grouping(contract, name, mart, schema=schema) for name in by]
    sums = [f"{measure_sql(contract, name)} as {name}" for name in measures]
    rows = f"from {schema}.{mart} as f"
    hour = f"where f.hour_utc >= {hours[0]} and f.hour_utc < {hours[1]}"
    joins = list(dict.fromkeys(group.join for group in groups if group.join))
    columns = [column for group in groups for column in group.columns]
    if joins and all(contract.dimensions[name].grouped_by == "key" for name in by):
        keys = [f"f.{contract.dimensions[name].columns[mart]}" for name in by]
        ends = _ends(order, keys, limit)
        within = _select([*keys, *sums], rows, hour, f"group by {', '.join(keys)}", *(ends if limit else ()))
        indented = within.replace("\n", "\n    ")
        return _select(
            [*columns, *(f"f.{name}" for name in measures)],
            f"from (\n    {indented}\n) as f", *joins, *ends[:1],
        )  # fmt: skip
    keys = [key for group in groups for key in group.keys]
    grouped = [f"group by {', '.join(keys)}", *_ends(order, keys, limit)] if keys else []
    return _select([*columns, *sums], rows, *joins, hour, *grouped)


def _select(columns: Sequence[str], *lines: str) -> str:
    return "\n".join(["select\n    " + ",\n    ".join(columns), *lines])


def _ends(order: Sequence[str], keys: Sequence[str], limit: int | None) -> list[str]:
    largest = [f"{name} desc" for name in order]
    return [f"order by {', '.join([*largest, *keys])}", *([f"limit {limit}"] if limit else [])]


def question_sql(
    contract: Contract, name: str, hours: tuple[str, str] = HOURS, *, schema: str = SCHEMA
) -> str:
    """The SELECT of one of the contract's questions."""
    asked = contract.questions[name]
    return query(
        contract,
        asked.measures,
        asked.by,
        order=asked.order,
        limit=asked.limit,
        hours=hours,
        schema=schema,
    )
