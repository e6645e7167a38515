"""
How Power BI names what the contract holds, and the DAX of its measures.

Tables and columns go by their labels. Every measure is in a table of its own, for there a measure may be
called like a column of a mart. The hours are a table too, so that one filter moves every mart.
"""

from typing import NamedTuple

from bi.contract import Contract

METRICS = "Metrics"
HOURS = "Hours"
HOUR = "hour"  # the contract's dimension


class Field(NamedTuple):
    """A column or a measure, as a report names it."""

    table: str
    name: str

    @property
    def dax(self) -> str:
        return f"{dax_table(self.table)}{dax_name(self.name)}"


def dax_table(table: str) -> str:
    return "'" + table.replace("'", "''") + "'"


def dax_name(name: str) -> str:
    """A column or measure in brackets."""
    return "[" + name.replace("]", "]]") + "]"


def facts(contract: Contract) -> tuple[str, ...]:
    """The marts that are measured."""
    return tuple(dict.fromkeys(measure.mart for measure in contract.measures.values() if measure.mart))


def dimension_tables(contract: Contract) -> tuple[str, ...]:
    """The marts that the measured ones join to."""
    return tuple(dict.fromkeys(to for fact in facts(contract) for to in contract.marts[fact].joins.values()))


def column(contract: Contract, mart: str, name: str) -> Field:
    return Field(contract.marts[mart].label, contract.marts[mart].columns[name].label)


def measure(contract: Contract, name: str) -> Field:
    return Field(METRICS, contract.measures[name].label)


def dimension(contract: Contract, name: str) -> tuple[Field, ...]:
    """What a report groups by: the name of the thing and, where the contract groups by key, its key."""
    described = contract.dimensions[name]
    if name == HOUR:
        return (Field(HOURS, described.label),)
    if not described.of:
        marts = [mart for mart in facts(contract) if mart in described.columns]
        return tuple(column(contract, mart, described.columns[mart]) for mart in marts[:1])
    table, named = described.of.split(".")
    keys = contract.marts[table].key if described.grouped_by == "key" else ()
    return tuple(column(contract, table, one) for one in (named, *keys))


def measure_dax(contract: Contract, name: str) -> str:
    """
    The expression of a measure.

    A sum of cents is fixed decimal and stays so when it is divided by a whole number: no cent is lost, up to
    9 trillion. A ratio is of doubles: as a fixed decimal it would be rounded at the fourth place, and then
    once more where it is shown.
    """
    asked = contract.measures[name]
    if asked.ratio:
        above, below = (dax_name(contract.measures[part].label) for part in asked.ratio)
        return f"DIVIDE(CONVERT({above}, DOUBLE), {below})"
    whole = f"{'SUM' if asked.sum else 'MIN'}({column(contract, asked.mart, asked.column).dax})"
    return whole if asked.per == 1 else f"{whole} / {asked.per}"


def hours_dax(contract: Contract) -> str:
    """The hours that any measured mart has. Reckoned from the loaded rows, so none of them lacks its hour."""
    described = contract.dimensions[HOUR]
    parts = [
        f'        SELECTCOLUMNS({dax_table(field.table)}, "{described.label}", {field.dax})'
        for field in (column(contract, mart, described.columns[mart]) for mart in facts(contract))
    ]
    return "DISTINCT(\n    UNION(\n" + ",\n".join(parts) + "\n    )\n)"
