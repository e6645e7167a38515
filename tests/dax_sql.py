"""
The model's measures as SQL over `marts`, by the rules that DAX is documented to have.

The types are DAX's: INTEGER, CURRENCY (here `numeric` rounded to four decimals) and REAL (double). What a
division gives follows the published table of implicit conversions. A filter of the hours goes through the
table of hours, a grouping through the relationships of the model; both are left joins, as in Power BI.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tests import dax
from tests.dax import Call, Column, Measure, Number, Quotient, Text, Word
from tests.power_bi_project import Model

Type = Literal["INTEGER", "CURRENCY", "REAL"]
TYPES: dict[str, Type] = {"int64": "INTEGER", "decimal": "CURRENCY", "double": "REAL"}
# Row: what is divided, column: what by.
DIVISION: dict[tuple[Type, Type], Type] = {
    ("INTEGER", "INTEGER"): "REAL", ("INTEGER", "CURRENCY"): "CURRENCY", ("INTEGER", "REAL"): "REAL",
    ("CURRENCY", "INTEGER"): "CURRENCY", ("CURRENCY", "CURRENCY"): "REAL", ("CURRENCY", "REAL"): "CURRENCY",
    ("REAL", "INTEGER"): "REAL", ("REAL", "CURRENCY"): "REAL", ("REAL", "REAL"): "REAL",
}  # fmt: skip


class Value(NamedTuple):
    sql: str
    type: Type


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def measure_value(model: Model, name: str) -> Value:
    """A measure over the rows of its mart, which is aliased by its name in the model."""
    return _value(model, dax.parse(model.measures[name]))


def measure_query(model: Model, name: str, by: tuple[tuple[str, str], ...], hour: tuple[str, str]) -> str:
    """
    One SELECT of the measure, grouped by columns of the model.

    Args:
        by: table and column of each.
        hour: table and column that are filtered by the parameters `first` and `end`, the latter excluded.
    """
    (fact,) = set(measured_tables(model, dax.parse(model.measures[name])))
    value = measure_value(model, name)
    groups = [_column(model, *each) for each in by]
    joins = dict.fromkeys(_join(model, fact, table) for table, _ in (*by, hour) if table != fact)
    lines = [
        "select " + ", ".join([*groups, f"{value.sql} as value"]),
        f"from {table_sql(model, fact)} as {quoted(fact)}",
        *joins,
        f"where {_column(model, *hour)} >= %(first)s and {_column(model, *hour)} < %(end)s",
        *([f"group by {', '.join(groups)}", f"order by {', '.join(groups)}"] if groups else []),
    ]
    return "\n".join(lines)


def measured_tables(model: Model, expression: dax.Expression) -> Iterator[str]:
    """The tables whose columns an expression reads."""
    match expression:
        case Column(table):
            yield table
        case Measure(name):
            yield from measured_tables(model, dax.parse(model.measures[name]))
        case Call(_, arguments):
            for argument in arguments:
                yield from measured_tables(model, argument)
        case Quotient(above, below):
            yield from measured_tables(model, above)
            yield from measured_tables(model, below)


def table_sql(model: Model, name: str) -> str:
    """A table of the model as SQL: one of PostgreSQL's, or a SELECT."""
    table = model.tables[name]
    if table.kind == "calculated":
        return f"({_rows(model, dax.parse(table.source))})"
    return ".".join(map(quoted, table.item))


def _column(model: Model, table: str, name: str) -> str:
    source = model.column(table, name).source
    return f"{quoted(table)}.{quoted(source.removeprefix('[').removesuffix(']'))}"


def _join(model: Model, fact: str, table: str) -> str:
    (found,) = (
        related for related in model.relationships if related.many[0] == fact and related.one[0] == table
    )
    return (
        f"left join {table_sql(model, table)} as {quoted(table)}"
        f" on {_column(model, *found.many)} = {_column(model, *found.one)}"
    )


def _value(model: Model, expression: dax.Expression) -> Value:
    match expression:
        case Number(value):
            return Value(str(value), "INTEGER")
        case Measure(name):
            return measure_value(model, name)
        case Call("SUM" | "MIN" as function, (Column(table, name),)):
            kind = TYPES[model.column(table, name).data_type]
            return Value(f"{function.lower()}({_column(model, table, name)})", kind)
        case Call("CONVERT", (converted, Word("DOUBLE"))):
            return Value(f"({_value(model, converted).sql})::double precision", "REAL")
        case Quotient(above, below) | Call("DIVIDE", (above, below)):
            return _divided(_value(model, above), _value(model, below))
    raise dax.DaxError(f"no SQL for {expression}")


def _divided(above: Value, below: Value) -> Value:
    """Nothing where the divisor is zero: so DIVIDE; of `/` it is a literal here."""
    kind = DIVISION[above.type, below.type]
    cast = "double precision" if kind == "REAL" else "numeric"
    sql = f"({above.sql})::{cast} / nullif({below.sql}, 0)::{cast}"
    return Value(f"round({sql}, 4)" if kind == "CURRENCY" else sql, kind)


def _rows(model: Model, expression: dax.Expression) -> str:
    match expression:
        case Call("SELECTCOLUMNS", (dax.Table(table), Text(name), Column(of, column))) if of == table:
            chosen = f"{_column(model, of, column)} as {quoted(name)}"
            return f"select {chosen} from {table_sql(model, table)} as {quoted(table)}"
        case Call("UNION", (first, second, *more)):
            return " union all ".join(_rows(model, each) for each in (first, second, *more))
        case Call("DISTINCT", (rows,)):
            return f"select distinct * from ({_rows(model, rows)}) as rows"
    raise dax.DaxError(f"no rows for {expression}")
