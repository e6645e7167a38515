"""The tables of the model for Power BI: the contract's marts, the hours, and the measures."""

from typing import NamedTuple

from bi.contract import SCHEMA, Contract
from bi.power_bi import tmdl
from bi.power_bi.fields import HOUR, HOURS, METRICS, column, dimension, hours_dax, measure_dax
from include.errors import SetupError


class Kind(NamedTuple):
    """What a PostgreSQL type is in the model and in Power Query."""

    data_type: str
    power_query: str
    format: str = ""


WHOLE = Kind("int64", "Int64.Type", "0")
FIXED = Kind("decimal", "Currency.Type")  # 64 bits, four decimals: exact
INSTANT = Kind("dateTime", "type datetime", "yyyy-mm-dd hh:nn")
KINDS = {
    "text": Kind("string", "type text"),
    "bigint": WHOLE,
    "integer": WHOLE,
    "boolean": Kind("boolean", "type logical"),
    "timestamptz": INSTANT,
    "numeric(4, 3)": FIXED,
}


def kind(contract: Contract, mart: str, name: str) -> Kind:
    """
    Cents are fixed decimals, so that DAX keeps amounts exact.

    Raises:
        SetupError: the column's type has no counterpart here.
    """
    postgres = contract.marts[mart].columns[name].type
    if postgres not in KINDS:
        raise SetupError(
            f"Making the Power BI model: {mart}.{name} is {postgres}, which has no type in the model."
            " Nothing was made. Add it to KINDS of bi/power_bi/tables.py."
        )
    return FIXED if name.endswith("_cents") else KINDS[postgres]


def mart_table(contract: Contract, name: str) -> tmdl.Lines:
    """A mart as it is in PostgreSQL, each column under its label."""
    mart = contract.marts[name]
    return tmdl.block(
        f"table {tmdl.name(mart.label)}",
        f"lineageTag: {tmdl.tag(name)}",
        *(_column(contract, name, each) for each in mart.columns),
        tmdl.block(
            f"partition {tmdl.name(mart.label)} = m",
            "mode: import",
            *tmdl.expression("source", _query(contract, name)),
        ),
        about=[f"{mart.description} From {SCHEMA}.{name}."],
    )


def _column(contract: Contract, mart: str, name: str) -> tmdl.Lines:
    described, its_kind = contract.marts[mart].columns[name], kind(contract, mart, name)
    return tmdl.block(
        f"column {tmdl.name(described.label)}",
        f"dataType: {its_kind.data_type}",
        *([] if _is_shown(contract, mart, name) else ["isHidden"]),
        *([f"formatString: {its_kind.format}"] if its_kind.format else []),
        f"lineageTag: {tmdl.tag(f'{mart}.{name}')}",
        "summarizeBy: none",
        f"sourceColumn: {tmdl.value(name)}",
        about=[described.description],
    )


def _is_shown(contract: Contract, mart: str, name: str) -> bool:
    """Only what a report groups by: cents and what they are joined by are behind measures and dimensions."""
    return any(column(contract, mart, name) in dimension(contract, each) for each in contract.dimensions)


def _query(contract: Contract, mart: str) -> str:
    columns = contract.marts[mart].columns
    names = ", ".join(f'"{name}"' for name in columns)
    times = ", ".join(
        f'{{"{name}", UtcDateTime}}' for name in columns if kind(contract, mart, name) is INSTANT
    )
    types = ",\n        ".join(f'{{"{name}", {kind(contract, mart, name).power_query}}}' for name in columns)
    return f"""\
let
    Source = PostgreSQL.Database(Server, Database),
    Rows = Source{{[Schema = "{SCHEMA}", Item = "{mart}"]}}[Data],
    Columns = Table.SelectColumns(Rows, {{{names}}}),
    InUtc = Table.TransformColumns(Columns, {{{times}}}),
    Typed = Table.TransformColumnTypes(InUtc, {{
        {types}
    }})
in
    Typed"""


def hours_table(contract: Contract) -> tmdl.Lines:
    """The dimension that the measured marts share."""
    described = contract.dimensions[HOUR]
    return tmdl.block(
        f"table {HOURS}",
        f"lineageTag: {tmdl.tag(HOURS)}",
        tmdl.block(
            f"column {tmdl.name(described.label)}",
            f"dataType: {INSTANT.data_type}",
            f"formatString: {INSTANT.format}",
            f"lineageTag: {tmdl.tag(f'{HOURS}.{HOUR}')}",
            "summarizeBy: none",
            f"sourceColumn: [{described.label}]",
            about=[described.definition],
        ),
        tmdl.block(
            f"partition {HOURS} = calculated",
            "mode: import",
            *tmdl.expression("source", hours_dax(contract)),
        ),
        about=["Every hour that a measured mart has. Filter on it: it filters all of them."],
    )


def metrics_table(contract: Contract) -> tmdl.Lines:
    """The measures, without a row."""
    return tmdl.block(
        f"table {METRICS}",
        f"lineageTag: {tmdl.tag(METRICS)}",
        *(_measure(contract, name) for name in contract.measures),
        tmdl.block(
            "column Unused",
            "dataType: string",
            "isHidden",
            f"lineageTag: {tmdl.tag(f'{METRICS}.unused')}",
            "summarizeBy: none",
            "sourceColumn: unused",
            about=["A table has a column. This one has no rows."],
        ),
        tmdl.block(
            f"partition {METRICS} = m",
            "mode: import",
            "source = #table(type table [unused = text], {})",
        ),
        about=["The measures of the metric contract."],
    )


def _measure(contract: Contract, name: str) -> tmdl.Lines:
    asked = contract.measures[name]
    over = ", ".join(contract.dimensions[each].label for each in asked.additive)
    return tmdl.block(
        f"measure {tmdl.name(asked.label)} = {measure_dax(contract, name)}",
        f"formatString: {tmdl.value(asked.format)}",
        f"displayFolder: {tmdl.value(contract.marts[contract.mart_of([name])].label)}",
        f"lineageTag: {tmdl.tag(f'{METRICS}.{name}')}",
        about=[
            asked.definition,
            f"Adds up over: {over}." if over else "Does not add up over anything.",
            *([f"Currency: {contract.currency}."] if asked.unit == "currency" else []),
            f"Owner: {contract.owner_of(name)}.",
        ],
    )
