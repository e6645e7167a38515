"""The report of the Power BI project: what its visuals show, and that all of it is in the model."""

from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bi.contract import contract
from bi.power_bi.fields import dimension, measure
from bi.power_bi.project import files
from tests.power_bi_project import FOLDER, REPORT, fields, json_files, model, visuals
from tests.power_bi_schemas import schema_of

TOLD = contract()
MADE = files(TOLD)
POWER_BI = model(MADE)
JSON = json_files(MADE)
VISUALS = visuals(MADE)
PAGE = JSON[REPORT / "pages" / "sales" / "page.json"]
# The fields that a visual of Power BI takes.
ROLES = {
    "card": {"Values"},
    "slicer": {"Values"},
    "tableEx": {"Values"},
    "clusteredBarChart": {"Category", "Series", "Y", "Tooltips"},
    "lineChart": {"Category", "Series", "Y", "Y2", "Tooltips"},
}
KINDS = {"bar": "clusteredBarChart", "line": "lineChart", "table": "tableEx"}


def projections(visual: Any) -> list[Any]:
    return [each for role in visual["visual"]["query"]["queryState"].values() for each in role["projections"]]


def shown(visual: Any) -> list[tuple[str, str]]:
    """Table and name of all that a visual reads."""
    return [(table, name) for each in projections(visual) for _, table, name in fields(each["field"])]


@pytest.mark.parametrize("path", JSON, ids=str)
def test_a_file_is_of_its_schema(path: Path) -> None:
    """Of the version that it names itself."""
    schema = schema_of(JSON[path])
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(JSON[path], schema)


def test_all_but_the_model_is_json() -> None:
    """So that no file goes unread by these tests."""
    others = {path.suffix or path.name for path in MADE if path not in JSON}
    assert others == {".tmdl", ".gitignore"}


def test_the_project_finds_its_parts() -> None:
    """From the project to the report, from the report to the model."""
    (report,) = JSON[FOLDER / "Saleslake.pbip"]["artifacts"]
    pbir = FOLDER / report["report"]["path"] / "definition.pbir"
    model_folder = JSON[pbir]["datasetReference"]["byPath"]["path"]

    assert model_folder.startswith("../")
    assert FOLDER / model_folder.removeprefix("../") / "definition.pbism" in MADE
    assert JSON[REPORT / "pages" / "pages.json"]["pageOrder"] == [PAGE["name"]]


@pytest.mark.parametrize("name", VISUALS)
def test_a_visual_shows_what_is_in_the_model(name: str) -> None:
    """Columns that are not hidden, and measures where they are."""
    found = list(fields(VISUALS[name]))

    assert found
    for kind, table, field in found:
        if kind == "Measure":
            assert POWER_BI.homes[field] == table
        else:
            assert not POWER_BI.column(table, field).is_hidden


@pytest.mark.parametrize("name", VISUALS)
def test_a_visual_is_one_that_power_bi_can_draw(name: str) -> None:
    """Roles of its kind, a field once, ordered by what it shows, named by its folder."""
    visual = VISUALS[name]
    references = [each["queryRef"] for each in projections(visual)]
    query = visual["visual"]["query"]
    sorted_by = [
        field[1:] for each in query.get("sortDefinition", {}).get("sort", ()) for field in fields(each)
    ]

    assert set(query["queryState"]) <= ROLES[visual["visual"]["visualType"]]
    assert len(set(references)) == len(references)
    assert set(sorted_by) <= set(shown(visual))
    assert visual["name"] == name


@pytest.mark.parametrize("name", TOLD.questions)
def test_every_question_has_its_visual(name: str) -> None:
    """Its measures by its dimensions, the first measure drawn; the title is the question's."""
    asked, visual = TOLD.questions[name], VISUALS[name]
    by = {dimension(TOLD, each)[0] for each in asked.by}

    assert visual["visual"]["visualType"] == KINDS[asked.chart]
    assert by | {measure(TOLD, each) for each in asked.measures} <= set(shown(visual))
    (title,) = visual["visual"]["visualContainerObjects"]["title"]
    assert title["properties"]["text"]["expr"]["Literal"]["Value"] == f"'{asked.label}'"
    assert ("filterConfig" in visual) == bool(asked.limit)


@pytest.mark.parametrize("name", ["revenue", "orders", "average_order_value", "units", "completeness"])
def test_the_totals_are_cards(name: str) -> None:
    """Each of one measure."""
    visual = VISUALS[f"total_{name}"]
    assert visual["visual"]["visualType"] == "card"
    assert shown(visual) == [measure(TOLD, name)]


def test_two_products_of_one_name_are_two_bars() -> None:
    """The axis is drawn by name and ID, the largest first, equal ones by revenue and then by ID."""
    query = VISUALS["top_products"]["visual"]["query"]
    axis = query["queryState"]["Category"]["projections"]
    order = [(next(fields(each))[2], each["direction"]) for each in query["sortDefinition"]["sort"]]

    assert [(each["queryRef"], each["active"]) for each in axis] == [
        ("Products.Product", True),
        ("Products.Product ID", True),
    ]
    assert order == [("Units", "Descending"), ("Product revenue", "Descending"), ("Product ID", "Ascending")]


def test_the_top_products_are_ten_by_units() -> None:
    """Chosen by ID; the filter reads the same column as the axis."""
    (kept,) = VISUALS["top_products"]["filterConfig"]["filters"]
    subquery, _ = kept["filter"]["From"]
    query = subquery["Expression"]["Subquery"]["Query"]
    (order,) = query["OrderBy"]

    assert query["Top"] == TOLD.questions["top_products"].limit == 10
    assert order["Direction"] == 2
    assert order["Expression"]["Measure"]["Property"] == "Units"
    assert {field for kind, *field_ in fields(kept) if kind == "Column" for field in [tuple(field_)]} == {
        ("Products", "Product ID")
    }


def test_the_visuals_lie_beside_each_other_on_the_page() -> None:
    """None over another, none over the edge."""
    places = [each["position"] for each in VISUALS.values()]

    assert [
        place
        for place in places
        if place["x"] + place["width"] > PAGE["width"] or place["y"] + place["height"] > PAGE["height"]
    ] == []
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []
    assert sorted(place["tabOrder"] for place in places) == list(range(len(places)))


def overlap(one: Any, other: Any) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "width"), ("y", "height"))
    )
