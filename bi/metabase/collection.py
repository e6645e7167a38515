"""The collection 'Saleslake' and the questions in it."""

from collections.abc import Iterable
from typing import Any

from bi.metabase.api import Metabase
from bi.metabase.cards import Card, mark_of
from bi.metabase.keeping import KEPT, Object, Tally, described, holds, merged, oldest, ours, put_right

NAME = "Saleslake"
DESCRIPTION = described("Sales as the metric contract defines them.")
# A question that somebody turned into a model is one of Metabase's "datasets".
CARD_MODELS = {"models": ["card", "dataset"]}
# Else Metabase counts it as somebody's look at the question.
UNSEEN = {"ignore_view": "true"}


def ensure_collection(metabase: Metabase, tally: Tally) -> int:
    """
    There is the collection 'Saleslake'. Returns its id. Twice changes nothing.

    One that people moved into another collection stays there.
    """
    rows = [row for row in metabase.get("/api/collection") if _is_usual(row)]
    found = ours(rows, NAME)
    wanted = {"name": NAME, "description": DESCRIPTION}
    if found is None:
        number = int(metabase.post("/api/collection", wanted)["id"])
        tally.is_made(f"the collection {NAME}")
        return number
    differed = put_right(metabase, f"/api/collection/{found['id']}", found, wanted)
    tally.is_as_wanted(f"the collection {NAME}", differed)
    return int(found["id"])


def _is_usual(row: Object) -> bool:
    """Neither the root, nor the trash, nor in it, nor anybody's own; below another one only if it is ours."""
    return (
        isinstance(row["id"], int)
        and not row.get("archived")
        and row.get("personal_owner_id") is None
        and row.get("type") is None
        and (row.get("location") == "/" or KEPT in (row.get("description") or ""))
    )


def items(metabase: Metabase, collection_id: int, query: dict[str, list[str]]) -> list[Object]:
    return list(metabase.get(f"/api/collection/{collection_id}/items", query)["data"])


def ensure_cards(
    metabase: Metabase, database_id: int, collection_id: int, wanted: Iterable[Card], tally: Tally
) -> dict[str, int]:
    """
    Every card is in the collection as it should be. Returns their ids by mark. Twice changes nothing.

    One of ours is known by the mark in its SQL, else by its name. Of several the oldest is taken: copies
    carry the mark too, and belong to whoever made them. So does what was moved to another collection or to
    the trash.
    """
    there = items(metabase, collection_id, CARD_MODELS)
    found = [metabase.get(f"/api/card/{row['id']}", UNSEEN) for row in there]
    return {
        card.mark: _ensure(metabase, database_id, collection_id, card, _find(found, card), tally)
        for card in wanted
    }


def _find(rows: list[Object], card: Card) -> Object | None:
    marks = {int(row["id"]): mark_of(native_of(row)["query"]) for row in rows}
    marked = [row for row in rows if marks[int(row["id"])] == card.mark]
    named = [row for row in rows if not marks[int(row["id"])] and row["name"] == card.name]
    return oldest(marked or named)


def _ensure(
    metabase: Metabase, database_id: int, collection_id: int, card: Card, found: Object | None, tally: Tally
) -> int:
    what = f"the question {card.name}"
    whole = _body(card, database_id)
    if found is None:
        number = int(metabase.post("/api/card", {**whole, "collection_id": collection_id})["id"])
        tally.is_made(what)
        return number
    differing = _differing(card, database_id, found)
    if differing:
        settings = merged(found["visualization_settings"], card.settings)
        metabase.put(f"/api/card/{found['id']}", {**whole, "visualization_settings": settings})
    tally.is_as_wanted(what, differing)
    return int(found["id"])


def _body(card: Card, database_id: int) -> Object:
    return {
        "name": card.name,
        "type": "question",
        "description": card.description,
        "display": card.display,
        "dataset_query": card.dataset_query(database_id),
        "parameters": card.parameters(),
        "visualization_settings": card.settings,
    }


def _differing(card: Card, database_id: int, found: Object) -> list[str]:
    """Parts of a card that are not as they should be. Colours and whatever we do not set may differ."""
    native = native_of(found)
    wanted = {
        "name": card.name,
        "type": "question",
        "description": card.description,
        "display": card.display,
        "visualization_settings": card.settings,
    }
    differing = [key for key, value in wanted.items() if not holds(found.get(key), value)]
    if native["query"] != card.sql:
        differing.append("SQL")
    if _plain(native["template-tags"]) != _plain(card.tags()):
        differing.append("variables")
    if found["dataset_query"].get("database") != database_id:
        differing.append("database")
    return differing


def _plain(tags: dict[str, Any]) -> dict[str, Any]:
    """What matters of variables. Their ids do not, nor does a default of nothing."""
    names = ("name", "display-name", "type", "default", "required")
    return {name: {key: tag.get(key) or None for key in names} for name, tag in tags.items()}


def native_of(card: Object) -> Object:
    """
    `query` and `template-tags` of a card with SQL, empty ones for another card.

    Metabase 57 and newer say them in the first of `stages`, older ones in `native`.
    """
    asked = card.get("dataset_query") or {}
    stage = (asked.get("stages") or [{}])[0]
    native = asked.get("native") or {}
    sql = native.get("query") or stage.get("native")
    tags = native.get("template-tags") or stage.get("template-tags")
    return {"query": sql if isinstance(sql, str) else "", "template-tags": tags or {}}
