"""What people have in Metabase beside ours, or did with ours: it stays theirs, and ours is found again."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bi.metabase import tables
from tests.metabase_double import MetabaseDouble
from tests.metabase_server import Run, filled

Object = dict[str, Any]


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "POLL_SECONDS", 0.001)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.fixture
def metabase() -> MetabaseDouble:
    return filled()


def trend(metabase: MetabaseDouble) -> Object:
    return metabase.one("card", "Regional trend")


def added(metabase: MetabaseDouble, kind: str, like: Object, **changes: Any) -> Object:
    """A copy as somebody makes one, with changes."""
    values = {key: value for key, value in deepcopy(like).items() if key != "id"}
    return metabase.objects[kind][metabase.add(kind, **{**values, **changes})]


def dashboard(metabase: MetabaseDouble) -> Object:
    return metabase.one("dashboard", "Sales")


def test_questions_of_others_stay(run: Run, metabase: MetabaseDouble) -> None:
    """A copy of ours carries our mark, one of their own does not; neither is touched, nor taken for ours."""
    copied = added(metabase, "card", trend(metabase), name="Regional trend - Duplicate", display="area")
    query = {"type": "native", "native": {"query": "select 1"}, "database": 1}
    own = added(metabase, "card", trend(metabase), name="Mine", dataset_query=query)
    before = deepcopy((copied, own))

    done = run.against(metabase)

    assert (done.made, done.changed) == (0, 0)
    assert (copied, own) == before


def test_the_oldest_of_a_mark_is_ours(run: Run, metabase: MetabaseDouble) -> None:
    """Even when it was renamed, and its copy has its name."""
    ours = trend(metabase)
    ours["name"] = "Old trend"
    copied = added(metabase, "card", ours, name="Regional trend")

    assert (done := run.against(metabase)).made == 0
    assert done.changed == 1
    assert ours["name"] == copied["name"] == "Regional trend"


def test_a_question_without_its_mark_is_known_by_its_name(run: Run, metabase: MetabaseDouble) -> None:
    """Somebody wrote its SQL anew: it is put right, and not doubled."""
    ours = trend(metabase)
    sql = ours["dataset_query"]["native"]["query"]
    ours["dataset_query"]["native"]["query"] = sql.partition("\n")[2]

    assert run.against(metabase).made == 0
    assert ours["dataset_query"]["native"]["query"] == sql


def test_a_question_of_ours_is_not_taken_for_another(run: Run, metabase: MetabaseDouble) -> None:
    """One is gone, another of ours has its name: that gets its own name back, and the first is made again."""
    gone = trend(metabase)
    gone.update(archived=True, name="Gone")
    units = metabase.one("card", "Units")
    units["name"] = "Regional trend"

    assert run.against(metabase).made == 1
    assert units["name"] == "Units"
    assert trend(metabase)["id"] > gone["id"]


@pytest.mark.parametrize("changes", [{"archived": True}, {"collection_id": 77}])
def test_a_question_that_left_the_collection_is_let_go(
    run: Run, metabase: MetabaseDouble, changes: Object
) -> None:
    """To the trash, or to somebody's own collection: it stays there, and ours is made again."""
    gone = trend(metabase)
    gone.update(changes)
    before = deepcopy(gone)

    assert run.against(metabase).made == 1
    assert gone == before


def test_colours_stay_when_a_setting_is_put_right(run: Run, metabase: MetabaseDouble) -> None:
    """What the contract says nothing about is people's own."""
    settings = trend(metabase)["visualization_settings"]
    settings["series_settings"] = {"EMEA": {"color": "#123456"}}
    settings["column_settings"]['["name","revenue"]'] |= {"decimals": 5, "show_mini_bar": True}

    run.against(metabase)

    after = trend(metabase)["visualization_settings"]
    assert after["series_settings"] == {"EMEA": {"color": "#123456"}}
    assert after["column_settings"]['["name","revenue"]']["show_mini_bar"] is True
    assert after["column_settings"]['["name","revenue"]']["decimals"] == 2


def test_a_collection_below_another_one_is_not_ours_by_its_name(run: Run, metabase: MetabaseDouble) -> None:
    """Ours is known by its mark, renamed and moved as it may be."""
    ours = metabase.one("collection", "Saleslake")
    ours.update(name="Sales numbers", location="/44/")
    theirs = metabase.add("collection", name="Saleslake", description="Ours.", location="/55/")

    assert run.against(metabase).made == 0
    assert ours["name"] == "Saleslake"
    assert metabase.objects["collection"][theirs]["description"] == "Ours."

    del metabase.objects["collection"][ours["id"]]
    assert run.against(metabase).made
    assert metabase.objects["collection"][theirs]["description"] == "Ours."


def test_what_people_put_on_the_dashboard_stays(run: Run, metabase: MetabaseDouble) -> None:
    """A question and a text of theirs, tabs, a filter, where they moved ours to. A missing one finds room."""
    own = added(metabase, "card", trend(metabase), name="Mine")
    board = dashboard(metabase)
    missing = board["dashcards"].pop(7)
    moved = board["dashcards"][0]
    moved.update(row=40, col=3, size_x=9)
    kept = {"row": missing["row"], "col": 0, "size_x": 24, "size_y": 2, "entity_id": "x", "series": []}
    theirs = [
        {**kept, "id": 501, "card_id": own["id"], "parameter_mappings": []},
        {**kept, "id": 502, "card_id": None, "row": 60, "visualization_settings": {"text": "Hello"}},
    ]
    board["dashcards"] += theirs
    board["parameters"].insert(0, {"id": "p1", "type": "category", "name": "Region", "slug": "region"})
    board["tabs"] = [{"id": 8, "name": "Later", "position": 1}, {"id": 7, "name": "Now", "position": 0}]
    for row in board["dashcards"]:
        row["dashboard_tab_id"] = 7
    before = deepcopy(board)

    assert run.against(metabase).changed == 1

    *rest, new = board["dashcards"]
    assert [{**row, "series": []} for row in rest] == [
        {"parameter_mappings": [], **row, "series": []} for row in before["dashcards"]
    ]
    assert (new["card_id"], new["dashboard_tab_id"], new["row"]) == (missing["card_id"], 7, 62)
    assert board["parameters"] == before["parameters"]
    assert board["tabs"] == [{"id": 8, "name": "Later"}, {"id": 7, "name": "Now"}]
    assert run.against(metabase).changed == 0


def test_an_excluded_column_is_still_known(run: Run, metabase: MetabaseDouble) -> None:
    """Metabase hides it from most lists; whether it is excluded is people's choice."""
    metabase.column("fct_orders", "customer_id")["visibility_type"] = "sensitive"
    assert run.against(metabase).changed == 0
    assert metabase.column("fct_orders", "customer_id")["visibility_type"] == "sensitive"
