"""The sheets and the dashboard for Tableau: each question, by fields that are there."""

import re

import pytest

from bi.tableau.workbook import DASHBOARD, files
from tests.tableau_files import (
    BOOK,
    CONTRACT,
    SHEETS,
    SOURCES,
    canonical,
    changed,
    columns_of,
    formulas_of,
    texts_of,
)

# [federated.order_value_hourly].[none:region:nk]
REFERENCE = re.compile(r"\[(federated\.\w+)\]\.(\[[^\]]+\])")
FIELD = re.compile(r"\[[^\]]+\]")


@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_uses_what_its_source_has(name):
    """Each shelf, filter, sort and legend names an instance; each instance a field that is not hidden."""
    sheet = SHEETS[name]
    dependencies = sheet.find("table/view/datasource-dependencies")
    source = columns_of(SOURCES[dependencies.attrib["datasource"]])
    instances = {
        found.attrib["name"]: found.attrib["column"] for found in dependencies.iter("column-instance")
    }
    declared = {found.attrib["name"]: found for found in dependencies.iterfind("column")}

    for text in texts_of(sheet):
        for of, instance in REFERENCE.findall(text):
            assert (of, instance in instances) == (dependencies.attrib["datasource"], True)
    for column in instances.values():
        assert "hidden" not in source[column].attrib
    for column, element in declared.items():
        assert canonical(element) == canonical(source[column])
        for part in FIELD.findall(formulas_of(element)):
            assert part in declared
    assert set(instances.values()) <= set(declared)


def test_every_question_is_a_sheet_and_all_are_on_the_dashboard():
    """Zones, legends and windows name sheets that exist."""
    assert [*SHEETS] == [question.label for question in CONTRACT.questions.values()]
    zones = [zone for zone in BOOK.iterfind("dashboards/dashboard/zones/zone/zone") if "name" in zone.attrib]
    assert {zone.attrib["name"] for zone in zones if "type-v2" not in zone.attrib} == set(SHEETS)
    assert {zone.attrib["name"] for zone in zones} == set(SHEETS)
    assert [window.attrib["name"] for window in BOOK.iterfind("windows/window")] == [DASHBOARD, *SHEETS]
    assert {point.attrib["name"] for point in BOOK.iter("viewpoint")} == set(SHEETS)


def test_the_zones_of_the_dashboard_do_not_overlap():
    """Each corner of one lies outside of every other, and all lie within the whole."""
    boxes = [
        tuple(int(zone.attrib[side]) for side in "xywh")
        for zone in BOOK.iterfind("dashboards/dashboard/zones/zone/zone")
    ]
    for place, (x, y, w, h) in enumerate(boxes):
        assert x + w <= 100_000
        assert y + h <= 100_000
        for x2, y2, w2, h2 in boxes[place + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
    ids = [zone.attrib["id"] for zone in BOOK.iter("zone")]
    assert len(ids) == len(set(ids))


def test_products_of_one_name_stay_two():
    """The key is in the view, before the name; the ten are the ten largest keys, ties broken."""
    sheet = SHEETS["Top products"]
    source = "[federated.product_sales_hourly]"
    assert (
        sheet.findtext("table/rows") == f"({source}.[none:product_id:nk] / {source}.[none:product_name:nk])"
    )
    top = sheet.find("table/view/filter")
    assert top.attrib["column"] == f"{source}.[none:product_id:nk]"
    assert top.find("groupfilter").attrib["count"] == "10"
    by = top.find("groupfilter/groupfilter").attrib
    assert (by["direction"], by["expression"]) == ("DESC", "[Calculation_top_products_order]")
    sort = sheet.find("table/view/computed-sort").attrib
    assert sort["using"] == f"{source}.[usr:Calculation_top_products_order:qk]"
    trend = SHEETS["Regional trend"].find("table/panes/pane/encodings")
    assert [(shelf.tag, shelf.attrib["column"].rpartition(".")[2]) for shelf in trend] == [
        ("color", "[none:region_name:nk]"), ("lod", "[none:region:nk]"),
    ]  # fmt: skip


def test_a_chart_of_another_kind_is_refused():
    """With the question, and the kinds there are."""
    with pytest.raises(
        ValueError, match=r"questions\.top_products: no chart 'pie' for Tableau; bar, line, table"
    ):
        files(changed("questions", "top_products", chart="pie"))


@pytest.mark.parametrize(
    ("part", "name", "update", "says"),
    [
        ("questions", "region_trend", {"by": ("region", "hour")}, "a line needs a time first, not Region"),
        ("questions", "region_trend", {"order": ("revenue",)}, "Tableau sorts members of one dimension"),
        ("questions", "top_products", {"by": ("channel",)}, "marts.product_sales_hourly has no channel"),
        ("marts", "dim_region", {"columns": {
            name: column.model_copy(update={"type": "inet"})
            for name, column in CONTRACT.marts["dim_region"].columns.items()}}, "no type of Tableau for"),
    ],
)  # fmt: skip
def test_what_tableau_cannot_show_is_refused(part, name, update, says):
    """Nothing is made that would show something else."""
    with pytest.raises(ValueError, match=re.escape(says)):
        files(changed(part, name, **update))


def test_a_table_of_a_dimension_without_names_shows_its_values():
    """The hours of the contract's table, as members and not as an axis."""
    sheet = SHEETS["Completeness by hour"]
    assert sheet.find("table/panes/pane/mark").attrib["class"] == "Text"
    assert sheet.findtext("table/rows") == "[federated.order_value_hourly].[none:hour_utc:ok]"
    assert sheet.findtext("table/cols") in (None, "")
