"""The files for Tableau: made of the contract alone, and every name in a data source leads somewhere."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bi.contract import Contract
from bi.tableau.datasource import Server
from bi.tableau.fields import fields_of, marts_with_measures, tableau_format
from bi.tableau.workbook import WORKBOOK, files
from include.settings import PROJECT_ROOT
from tests.tableau_files import ALL_SOURCES, CONTRACT, FILES, SOURCES, columns_of

FIELD = re.compile(r"\[[^\]]+\]")


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_files_in_the_repository_are_what_the_contract_says(path):
    """Not equal: run `saleslake bi build`."""
    assert (PROJECT_ROOT / "bi" / path).read_bytes() == FILES[path].encode()


def test_nothing_else_is_in_the_folder():
    """A mart that lost its measures leaves no file behind."""
    there = {path.relative_to(PROJECT_ROOT / "bi") for path in (PROJECT_ROOT / "bi/files/tableau").rglob("*")}
    assert there == set(FILES)


def test_equal_contracts_give_equal_texts():
    """Read anew from its file, whatever was made before."""
    again = Contract.model_validate(CONTRACT.model_dump())
    assert files(again) == FILES


def test_every_column_of_a_source_is_the_contracts():
    """By the map of the connection, and every field that is no formula is in the map."""
    for source in ALL_SOURCES:
        mapped = {
            entry.attrib["key"]: entry.attrib["value"] for entry in source.iterfind("connection/cols/map")
        }
        for value in mapped.values():
            table, column = (part.strip("[]") for part in value.split("."))
            assert CONTRACT.has(table, column)
        read = {name for name, column in columns_of(source).items() if column.find("calculation") is None}
        assert read == set(mapped)


def test_joins_are_the_contracts_and_of_tables_that_are_there():
    """One to each dimension, on its key, by the columns the contract names."""
    for mart, source in zip(marts_with_measures(CONTRACT), SOURCES.values(), strict=True):
        found = [
            tuple(side.attrib["op"] for side in clause.iterfind("expression/expression"))
            for clause in source.iter("clause")
        ]
        joins = CONTRACT.marts[mart].joins
        assert sorted(found) == sorted(
            (f"[{mart}].[{column}]", f"[{table}].[{column}]") for column, table in joins.items()
        )
        assert all(CONTRACT.marts[table].key == (column,) for column, table in joins.items())
        tables = {found.attrib["table"] for found in source.iter("relation") if "table" in found.attrib}
        assert tables == {f"[marts].[{name}]" for name in (mart, *joins.values())}


def test_formulas_name_fields_of_their_source():
    """And of every measure there is one, with the contract's label and definition."""
    labels = set()
    for source in SOURCES.values():
        for column in source.iterfind("column[calculation]"):
            for name in FIELD.findall(column.find("calculation").attrib["formula"]):
                assert name in columns_of(source)
            labels.add((column.attrib["caption"], column.findtext("desc/formatted-text/run")))
    for measure in CONTRACT.measures.values():
        assert (measure.label, f"{measure.definition} Owner: {CONTRACT.owner}.") in labels


def test_formulas_are_the_contracts():
    """Sums per unit, the smallest, and a ratio of sums that is empty without orders."""
    formulas = {
        name: column.find("calculation").attrib["formula"]
        for source in SOURCES.values()
        for name, column in columns_of(source).items()
        if column.find("calculation") is not None
    }
    assert formulas["[Calculation_revenue]"] == "SUM([revenue_cents]) / 100"
    assert formulas["[Calculation_orders]"] == "SUM([orders])"
    assert formulas["[Calculation_completeness]"] == "MIN([completeness])"
    assert formulas["[Calculation_average_order_value]"] == (
        "IF [Calculation_orders] <> 0 THEN [Calculation_revenue] / [Calculation_orders] END"
    )


def test_what_a_measure_stands_for_is_hidden_and_what_people_look_by_is_not():
    """Cents, versions and averages per row are there for formulas alone."""
    shown = {
        name: {field.name for field in fields_of(CONTRACT, name).values() if not field.hidden}
        for name in marts_with_measures(CONTRACT)
    }
    calculated = {"Calculation_units", "Calculation_product_revenue", "Calculation_top_products_order"}
    assert shown["product_sales_hourly"] == calculated | {
        "hour_utc", "product_id", "product_name", "category", "region", "region_name", "is_restated",
    }  # fmt: skip
    assert not shown["order_value_hourly"] & {
        "revenue_cents", "orders", "average_order_value_cents", "as_of", "version", "completeness",
        "region (dim_region)",
    }  # fmt: skip


def test_labels_are_unique_and_formats_are_tableaus():
    """Two fields of one caption cannot be told apart; `0.0%` is a percentage."""
    for source in ALL_SOURCES:
        captions = [column.attrib["caption"] for column in source.iterfind("column")]
        assert len(captions) == len(set(captions))
    assert tableau_format("#,##0.00") == "n#,##0.00;-#,##0.00"
    assert tableau_format("0.0%") == "p0.0%"


def test_every_folder_holds_fields_of_its_source():
    """And every shown field is in one."""
    for source in ALL_SOURCES:
        foldered = [item.attrib["name"] for item in source.iterfind("folders-common/folder/folder-item")]
        shown = {name for name, column in columns_of(source).items() if "hidden" not in column.attrib}
        assert sorted(foldered) == sorted(shown)


def test_the_connection_is_the_readers_and_asks_for_the_password():
    """Where it leads is the caller's."""
    made = files(CONTRACT, Server("db.example", 6_543, "sales_two"))
    for text in made.values():
        root = ElementTree.fromstring(text)  # noqa: S314
        for connection in root.iter("named-connection"):
            (inner,) = connection
            assert (inner.attrib["server"], inner.attrib["port"]) == ("db.example", "6543")
            assert (inner.attrib["dbname"], inner.attrib["username"]) == ("sales_two", "sales_reader")
            assert "password" not in inner.attrib
    assert not [path for path, text in FILES.items() if "password=" in text]


def test_paths_are_below_bi():
    """As `saleslake bi build` expects them."""
    marts = {Path("files/tableau") / f"{mart}.tds" for mart in marts_with_measures(CONTRACT)}
    assert set(FILES) == {WORKBOOK, *marts}
