"""The dashboards are those that the code makes, and each panel says what it shows and where to go."""

import re
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from include.pages.runbooks import RUNBOOKS, anchor
from stack.dashboards.__main__ import FOLDER, files
from tests.dashboards import GRAFANA, boards, panels

BOARDS = {board["uid"]: board for board in boards()}
PANELS = [(uid, panel) for uid, board in BOARDS.items() for panel in panels(board)]
UIDS = {
    "saleslake-all-is-well",
    "saleslake-stream",
    "saleslake-lake",
    "saleslake-airflow-and-marts",
    "saleslake-sales",
}


def of_panels(function: Any) -> Any:
    names = [f"{uid}: {panel['title']}" for uid, panel in PANELS]
    return pytest.mark.parametrize(("uid", "panel"), PANELS, ids=names)(function)


def test_the_files_are_those_that_the_code_makes() -> None:
    """Run `python -m stack.dashboards`."""
    made = files()
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in made}
    assert [path.name for path, text in made.items() if path.read_text() != text] == []


def test_uids_do_not_change() -> None:
    """Bookmarks, and links between the dashboards, hold them."""
    assert set(BOARDS) == UIDS


@pytest.mark.parametrize("uid", BOARDS)
def test_the_library_reads_it_again(uid: str) -> None:
    register_default_plugins()
    assert Dashboard.from_json(BOARDS[uid]).title == BOARDS[uid]["title"]


@of_panels
def test_a_panel_says_what_it_shows(uid: str, panel: dict[str, Any]) -> None:
    assert panel["description"].endswith("."), panel["title"]
    if panel["type"] != "table":
        assert panel["fieldConfig"]["defaults"].get("unit"), panel["title"]


@of_panels
def test_a_panel_reads_a_data_source_that_is_provisioned(uid: str, panel: dict[str, Any]) -> None:
    text = (GRAFANA / "provisioning" / "datasources" / "saleslake.yml").read_text()
    known = {(one["type"], one["uid"]) for one in yaml.safe_load(text)["datasources"]}
    for target in panel["targets"]:
        assert (target["datasource"]["type"], target["datasource"]["uid"]) in known


@of_panels
def test_a_link_leads_somewhere(uid: str, panel: dict[str, Any]) -> None:
    """To a dashboard that there is, to Airflow, or to a heading of a runbook."""
    for link in panel.get("links", []):
        url = link["url"]
        if runbook := re.fullmatch(r"\$\{runbooks\}/([a-z_]+\.md)(?:#(.+))?", url):
            page, heading = runbook.groups()
            headings = re.findall(r"^#+ (.+)$", (RUNBOOKS / page).read_text(), re.MULTILINE)
            assert not heading or heading in map(anchor, headings), url
        else:
            assert url.startswith("${airflow}") or url.removeprefix("/d/") in BOARDS, url


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_have_ids_of_their_own_and_do_not_overlap(uid: str) -> None:
    every = BOARDS[uid]["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for panel in every:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_first_screen_shows_what_matters_without_scrolling() -> None:
    """Every tile of *Is all well?* is above the 20 rows of cells that a laptop's screen has."""
    tiles = [panel for panel in panels(BOARDS["saleslake-all-is-well"]) if panel["type"] == "stat"]
    assert len(tiles) == 18
    assert max(tile["gridPos"]["y"] + tile["gridPos"]["h"] for tile in tiles) <= 20


def test_no_password_is_in_the_files() -> None:
    """It comes from Grafana's environment."""
    for path in GRAFANA.rglob("*.yml"):
        for line in re.findall(r"password: (.*)", path.read_text()):
            assert line == "$SALESLAKE_READER_PASSWORD", f"{path.name}: {line}"
