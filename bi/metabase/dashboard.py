"""The dashboard 'Sales': the questions on it, and its filter on the hours."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bi.metabase.api import Metabase
from bi.metabase.cards import PARAMETER_TYPE, VARIABLES, Card, target
from bi.metabase.collection import items
from bi.metabase.keeping import Object, Tally, described, holds, ours

NAME = "Sales"
DESCRIPTION = described(
    "Revenue, orders and what sold, of the last 24 hours or of the days chosen above (UTC, up to but not"
    " including the second one). Below a completeness of 100 % the newest hours are provisional."
)
# Metabase's grid.
COLUMNS = 24
NUMBER_WIDTH, NUMBER_HEIGHT = 4, 3
CHART_WIDTH, CHART_HEIGHT = 12, 7
# All that Metabase takes of a card on a dashboard; the rest of what it says about one it makes itself.
TAKEN = (
    "id", "card_id", "action_id", "dashboard_tab_id", "row", "col", "size_x", "size_y", "parameter_mappings",
    "visualization_settings", "inline_parameters",
)  # fmt: skip


class Place(NamedTuple):
    """Where a card lies on the grid."""

    row: int
    col: int
    size_x: int
    size_y: int


def parameters() -> list[dict[str, str]]:
    """The dashboard's filters."""
    return [
        {"id": f"saleslake-{name}", "name": label, "slug": name, "type": PARAMETER_TYPE, "sectionId": "date"}
        for name, label in VARIABLES.items()
    ]


def mappings(card_id: int) -> list[Object]:
    """The filters as variables of a card."""
    return [
        {"parameter_id": f"saleslake-{name}", "card_id": card_id, "target": target(name)}
        for name in VARIABLES
    ]


def places(cards: list[Card]) -> Iterator[tuple[Card, Place]]:
    """Numbers side by side above, charts in two columns below."""
    numbers = [card for card in cards if card.display == "scalar"]
    charts = [card for card in cards if card.display != "scalar"]
    across = COLUMNS // NUMBER_WIDTH
    for index, card in enumerate(numbers):
        row, column = divmod(index, across)
        yield card, Place(row * NUMBER_HEIGHT, column * NUMBER_WIDTH, NUMBER_WIDTH, NUMBER_HEIGHT)
    top = -(-len(numbers) // across) * NUMBER_HEIGHT
    for index, card in enumerate(charts):
        row, column = divmod(index, COLUMNS // CHART_WIDTH)
        yield card, Place(top + row * CHART_HEIGHT, column * CHART_WIDTH, CHART_WIDTH, CHART_HEIGHT)


def ensure_dashboard(
    metabase: Metabase, collection_id: int, cards: list[Card], ids: Mapping[str, int], tally: Tally
) -> str:
    """
    The dashboard has every card, each listening to the filters. Returns its URL. Twice changes nothing.

    Where people moved a card it stays; cards, filters and tabs of their own stay too.
    """
    found = ours(items(metabase, collection_id, {"models": ["dashboard"]}), NAME)
    is_new = found is None
    if found is None:
        found = metabase.post(
            "/api/dashboard", {"name": NAME, "description": DESCRIPTION, "collection_id": collection_id}
        )
    path = f"/api/dashboard/{found['id']}"
    there = metabase.get(path)
    changes = _changes(there, cards, ids)
    if changes:
        metabase.put(path, changes)
    if is_new:
        tally.is_made(f"the dashboard {NAME}")
    else:
        tally.is_as_wanted(f"the dashboard {NAME}", list(changes))
    return f"{metabase.url}/dashboard/{found['id']}"


def _changes(there: Object, cards: list[Card], ids: Mapping[str, int]) -> Object:
    changes: Object = {
        key: value
        for key, value in {"name": NAME, "description": DESCRIPTION}.items()
        if there.get(key) != value
    }
    filters = _with_ours(there.get("parameters") or [], parameters(), "id")
    if not holds(there.get("parameters"), filters):
        changes["parameters"] = filters
    before = [_taken(row) for row in there.get("dashcards") or []]
    after = _placed(before, cards, ids, _first_tab(there))
    if after != before:
        # What is not sent along Metabase removes, and it removes every tab if there are none.
        changes["dashcards"] = after
        changes["tabs"] = [{"id": tab["id"], "name": tab["name"]} for tab in there.get("tabs") or []]
    return changes


def _with_ours(found: list[Object], wanted: list[Any], key: str) -> list[Object]:
    """`found` with each of the wanted ones right in its place, missing ones at the end."""
    by_key = {row[key]: row for row in wanted}
    kept = [{**row, **by_key.pop(row.get(key), {})} for row in found]
    return [*kept, *by_key.values()]


def _placed(before: list[Object], cards: list[Card], ids: Mapping[str, int], tab: int | None) -> list[Object]:
    """The cards on the dashboard: ours mapped, missing ones added where there is room."""
    ours_of = set(ids.values())
    after = [
        {**row, "parameter_mappings": _with_ours(row["parameter_mappings"], mappings(number), "parameter_id")}
        if (number := row.get("card_id")) in ours_of
        else row
        for row in before
    ]
    shown = {row.get("card_id") for row in before}
    for index, (card, place) in enumerate(places(cards), 1):
        number = ids[card.mark]
        if number in shown:
            continue
        new = {"id": -index, "card_id": number, **_free(after, place, tab)._asdict()}
        new |= {"parameter_mappings": mappings(number), "visualization_settings": {}, "series": []}
        after.append({**new, "dashboard_tab_id": tab} if tab is not None else new)
    return after


def _free(rows: list[Object], place: Place, tab: int | None) -> Place:
    """The place itself, or below everything when something lies there."""
    beside = [row for row in rows if row.get("dashboard_tab_id") == tab]
    if not any(_overlaps(row, place) for row in beside):
        return place
    return place._replace(row=max(row["row"] + row["size_y"] for row in beside))


def _overlaps(row: Object, place: Place) -> bool:
    return (
        row["col"] < place.col + place.size_x
        and place.col < row["col"] + row["size_x"]
        and row["row"] < place.row + place.size_y
        and place.row < row["row"] + row["size_y"]
    )


def _first_tab(there: Object) -> int | None:
    tabs = sorted(there.get("tabs") or [], key=lambda tab: tab.get("position") or 0)
    return int(tabs[0]["id"]) if tabs else None


def _taken(row: Object) -> Object:
    """A card on a dashboard as it is sent back."""
    kept = {key: row[key] for key in TAKEN if key in row}
    series = [{"id": one["id"]} for one in row.get("series") or []]
    return {**kept, "series": series, "parameter_mappings": row.get("parameter_mappings") or []}
