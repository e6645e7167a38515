"""The semantic model for Power BI, in TMDL: what the contract's marts, dimensions and measures are there."""

from collections.abc import Iterator
from pathlib import Path

from bi.contract import Contract
from bi.power_bi import tmdl
from bi.power_bi.fields import HOUR, HOURS, METRICS, Field, column, dimension, dimension_tables, facts
from bi.power_bi.tables import hours_table, mart_table, metrics_table

SERVER, DATABASE = "127.0.0.1:5432", "sales"  # changed in Power BI: they are parameters there
COMPATIBILITY_LEVEL = 1600


def files(contract: Contract) -> dict[Path, str]:
    """Texts by path, relative to the folder `definition` of the semantic model."""
    marts = facts(contract) + dimension_tables(contract)
    tables = {
        **{contract.marts[mart].label: mart_table(contract, mart) for mart in marts},
        HOURS: hours_table(contract),
        METRICS: metrics_table(contract),
    }
    return {
        Path("database.tmdl"): tmdl.document(
            tmdl.block("database", f"compatibilityLevel: {COMPATIBILITY_LEVEL}")
        ),
        Path("model.tmdl"): tmdl.document(*_model(tuple(tables))),
        Path("expressions.tmdl"): tmdl.document(*_expressions()),
        Path("relationships.tmdl"): tmdl.document(*_relationships(contract)),
        **{Path("tables", f"{name}.tmdl"): tmdl.document(lines) for name, lines in tables.items()},
    }


def _model(tables: tuple[str, ...]) -> Iterator[tmdl.Lines]:
    yield tmdl.block(
        "model Model",
        "culture: en-US",
        "defaultPowerBIDataSourceVersion: powerBI_V3",
        "discourageImplicitMeasures",  # nobody adds up cents, or averages an average
        "sourceQueryCulture: en-US",
    )
    yield ["annotation __PBI_TimeIntelligenceEnabled = 0"]  # no hidden date table for each time
    yield [f"ref table {tmdl.name(table)}" for table in tables]


def _expressions() -> Iterator[tmdl.Lines]:
    for name, default, about in (
        ("Server", SERVER, "Host and port of PostgreSQL."),
        ("Database", DATABASE, "Its database. Sign in as sales_reader."),
    ):
        yield tmdl.block(
            f'expression {name} = "{default}"'
            ' meta [IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true]',
            f"lineageTag: {tmdl.tag(f'expression {name}')}",
            ["annotation PBI_ResultType = Text"],
            about=[about],
        )
    yield tmdl.block(
        # Loading drops the offset of a time, whatever it is: it has to be UTC before.
        "expression UtcDateTime = (moment) => if moment is datetimezone"
        " then DateTimeZone.RemoveZone(DateTimeZone.SwitchZone(moment, 0)) else moment",
        f"lineageTag: {tmdl.tag('expression UtcDateTime')}",
        ["annotation PBI_ResultType = Function"],
        about=["A time of PostgreSQL as UTC, without its offset."],
    )


def _relationships(contract: Contract) -> Iterator[tmdl.Lines]:
    """Many to one, filtering one way: what TMDL means when it says nothing else."""
    (hour,) = dimension(contract, HOUR)
    for fact in facts(contract):
        at = contract.dimensions[HOUR].columns[fact]
        yield _relationship(f"{fact}.{at}", column(contract, fact, at), hour)
        for name, table in contract.marts[fact].joins.items():
            (key,) = contract.marts[table].key
            yield _relationship(f"{fact}.{name}", column(contract, fact, name), column(contract, table, key))


def _relationship(source: str, many: Field, one: Field) -> tmdl.Lines:
    return tmdl.block(
        f"relationship {tmdl.tag(f'relationship {source}')}",
        f"fromColumn: {'.'.join(map(tmdl.name, many))}",
        f"toColumn: {'.'.join(map(tmdl.name, one))}",
    )
