"""The fields of a Tableau data source: one source per mart that measures stand on, made from the contract."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from bi.contract import Contract

DATATYPES = {
    "text": "string",
    "jsonb": "string",
    "timestamptz": "datetime",
    "date": "date",
    "boolean": "boolean",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
}
KINDS: dict[str, Literal["nominal", "ordinal", "quantitative"]] = {
    "string": "nominal",
    "boolean": "nominal",
    "date": "ordinal",
    "datetime": "ordinal",
    "integer": "quantitative",
    "real": "quantitative",
}
# One step of the measure that orders first is worth more than any value of the one that breaks its ties.
TIE_BREAK = 10**10


@dataclass(frozen=True, slots=True)
class Field:
    """
    A field as people see it, or a hidden one. `name` is Tableau's, without brackets.

    Read from `column` of `table`, or reckoned by `formula`, which aggregates.
    """

    name: str
    label: str
    description: str
    datatype: str
    table: str = ""
    column: str = ""
    formula: str = ""
    number_format: str = ""
    folder: str = ""
    hidden: bool = False

    @property
    def kind(self) -> Literal["nominal", "ordinal", "quantitative"]:
        return KINDS[self.datatype]

    @property
    def role(self) -> Literal["dimension", "measure"]:
        return "measure" if self.kind == "quantitative" else "dimension"


def marts_with_measures(contract: Contract) -> list[str]:
    """Each becomes a data source: measures of two grains in one would count rows twice."""
    return list(dict.fromkeys(measure.mart for measure in contract.measures.values() if measure.mart))


def tables_of(contract: Contract, mart: str) -> list[str]:
    """The mart, then the dimension tables it is joined to."""
    return [mart, *contract.marts[mart].joins.values()]


def fields_of(contract: Contract, mart: str) -> dict[str, Field]:
    """
    Every field of the mart's data source by its name: columns in their order, then measures.

    Shown are what a dimension stands on, flags and measures. Columns that a measure stands for are hidden:
    whoever adds up cents or averages averages gets another number than the contract says.

    Raises:
        ValueError: a column has a type that Tableau does not.
    """
    shown = [*_measures(contract, mart), *_orders(contract, mart)]
    taken = {field.label for field in shown}
    columns = sorted(_columns(contract, mart), key=lambda field: field.hidden)
    for field in columns:
        label = field.label if field.label not in taken else f"{field.label} ({field.table}.{field.column})"
        taken.add(label)
        shown.append(replace(field, label=label))
    place = {name: number for number, (_, _, name) in enumerate(local_names(contract, mart))}
    shown.sort(key=lambda field: place.get(field.name, len(place)))
    return {field.name: field for field in shown}


def local_names(contract: Contract, mart: str) -> Iterator[tuple[str, str, str]]:
    """Table, column and field name of every column; a name that is taken gets its table's."""
    taken = set()
    for table in tables_of(contract, mart):
        for column in contract.marts[table].columns:
            name = column if column not in taken else f"{column} ({table})"
            taken.add(name)
            yield table, column, name


def measure_field(measure: str) -> str:
    """The field's name: not the measure's alone, which is often a column's too."""
    return f"Calculation_{measure}"


def order_field(question: str) -> str:
    return f"Calculation_{question}_order"


def dimension_fields(contract: Contract, dimension: str, mart: str) -> list[str]:
    """
    What a view of this dimension shows: the key first, unless names group, then the name.

    Raises:
        ValueError: the mart does not have this dimension.
    """
    about = contract.dimensions[dimension]
    if mart not in about.columns:
        raise ValueError(f"marts.{mart} has no {dimension}; {', '.join(about.columns)} do")
    key = about.columns[mart]
    if not about.of:
        return [key]
    named = next(
        name for table, column, name in local_names(contract, mart) if f"{table}.{column}" == about.of
    )
    return [key, named] if about.grouped_by == "key" else [named]


def datatype(postgres: str) -> str:
    """
    Raises:
        ValueError: Tableau has no such type.
    """
    if postgres.startswith("numeric"):
        return "real"
    if postgres not in DATATYPES:
        raise ValueError(f"no type of Tableau for {postgres}; known are {', '.join(DATATYPES)} and numeric")
    return DATATYPES[postgres]


def tableau_format(spreadsheet: str) -> str:
    """`#,##0.00` as Tableau stores it: a letter for the kind, and negative numbers after a semicolon."""
    return f"p{spreadsheet}" if spreadsheet.endswith("%") else f"n{spreadsheet};-{spreadsheet}"


def _columns(contract: Contract, mart: str) -> Iterator[Field]:
    named = {
        dimension.of or f"{mart}.{dimension.columns[mart]}": dimension
        for dimension in contract.dimensions.values()
        if mart in dimension.columns
    }
    keys = {f"{mart}.{dimension.columns[mart]}" for dimension in named.values()
            if dimension.of and dimension.grouped_by == "key"}  # fmt: skip
    for table, column, name in local_names(contract, mart):
        about, where = contract.marts[table].columns[column], f"{table}.{column}"
        dimension = named.get(where)
        is_detail = where in keys or (table == mart and about.type == "boolean")
        yield Field(
            name,
            dimension.label if dimension else about.label,
            dimension.definition if dimension else about.description,
            datatype(about.type),
            table=table,
            column=column,
            folder="Dimensions" if dimension else "Keys and flags" if is_detail else "",
            hidden=not (dimension or is_detail),
        )


def _measures(contract: Contract, mart: str) -> Iterator[Field]:
    for name, measure in contract.measures.items():
        if contract.mart_of([name]) == mart:
            is_whole = bool(measure.sum) and measure.per == 1
            yield Field(
                measure_field(name),
                measure.label,
                f"{measure.definition} Owner: {contract.owner_of(name)}.",
                datatype(contract.marts[mart].columns[measure.column].type) if is_whole else "real",
                formula=_formula(contract, name),
                number_format=tableau_format(measure.format),
                folder="Measures",
            )


def _formula(contract: Contract, name: str) -> str:
    measure = contract.measures[name]
    if measure.ratio:
        above, below = (f"[{measure_field(part)}]" for part in measure.ratio)
        return f"IF {below} <> 0 THEN {above} / {below} END"
    if measure.min:
        return f"MIN([{measure.min}])"
    return f"SUM([{measure.sum}])" + (f" / {measure.per}" if measure.per != 1 else "")


def _orders(contract: Contract, mart: str) -> Iterator[Field]:
    """Tableau sorts by one field: where a question breaks ties, one that holds both measures."""
    for name, question in contract.questions.items():
        if len(question.order) > 1 and contract.mart_of(question.measures) == mart:
            parts = [f"[{measure_field(measure)}]" for measure in question.order]
            labels = ", then ".join(contract.measures[measure].label for measure in question.order)
            yield Field(
                order_field(name),
                f"{question.label}: order",
                f"What the sheet {question.label} is sorted by: {labels}.",
                "real",
                formula=" + ".join(
                    part if not place else f"{part} / {TIE_BREAK**place}" for place, part in enumerate(parts)
                ),
                folder="Order of sheets",
            )
