"""
What Metabase takes in a request: keys, which of them it must have, and of what kind.

Read from the API's sources of versions 50 to 66; where they differ the strictest counts, and keys that they
do not know are refused, as the newest do.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Check = Callable[[Any], bool]


class Key(NamedTuple):
    check: Check
    is_needed: bool = False


def text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def mapping(value: Any) -> bool:
    return isinstance(value, dict)


def one_of(*values: str) -> Check:
    return lambda value: value in values


def must(check: Check) -> Key:
    return Key(check, is_needed=True)


def closed(**keys: Key) -> Check:
    """A map of these keys alone; `_` in a name stands for itself, `__` for a hyphen."""
    named = {name.replace("__", "-"): key for name, key in keys.items()}
    return lambda value: isinstance(value, dict) and not list(faults(named, value))


def rows_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def anything(_: Any) -> bool:
    return True


def faults(keys: dict[str, Key], body: dict[str, Any]) -> Iterator[str]:
    """Names of the keys that are unknown, missing or of another kind."""
    yield from (name for name in body if name not in keys)
    for name, key in keys.items():
        if name in body:
            if not key.check(body[name]):
                yield name
        elif key.is_needed:
            yield name


PARAMETER_TYPES = ("number", "text", "date", "boolean", "date/single", "id", "category", "date/range",
                   "date/month-year", "date/quarter-year", "date/relative", "date/all-options")  # fmt: skip


def target(value: Any) -> bool:
    """A variable of a question: ["variable", ["template-tag", its name]]."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and value[0] == "variable"
        and isinstance(value[1], list)
        and len(value[1]) == 2
        and value[1][0] == "template-tag"
        and text(value[1][1])
    )


PARAMETER = closed(
    id=must(text), type=must(one_of(*PARAMETER_TYPES)), name=Key(text), slug=Key(text), sectionId=Key(text),
    default=Key(anything), target=Key(target),
)  # fmt: skip
MAPPING = closed(parameter_id=must(text), target=must(target), card_id=Key(number))
TAG = closed(
    id=Key(text), name=must(text), display__name=must(text), type=must(one_of("number", "text", "date")),
    default=Key(anything), required=Key(flag),
)  # fmt: skip
NATIVE = closed(
    query=must(text),
    template__tags=Key(lambda tags: isinstance(tags, dict) and all(
        TAG(tag) and tag["name"] == name for name, tag in tags.items()
    )),
)  # fmt: skip


def native_query(value: Any) -> bool:
    """SQL whose variables are the declared ones, no more and no fewer."""
    query = closed(type=must(one_of("native")), native=must(NATIVE), database=must(number))
    if not query(value):
        return False
    used = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", value["native"]["query"]))
    return used == set(value["native"].get("template-tags", {}))


DASHCARD = closed(
    id=must(lambda value: isinstance(value, int)), size_x=must(number), size_y=must(number), row=must(whole),
    col=must(whole), card_id=Key(lambda value: value is None or number(value)),
    action_id=Key(lambda value: value is None or number(value)),
    dashboard_tab_id=Key(lambda value: value is None or isinstance(value, int)),
    parameter_mappings=Key(rows_of(MAPPING)), visualization_settings=Key(mapping),
    inline_parameters=Key(rows_of(text)), series=Key(rows_of(closed(id=must(number)))),
)  # fmt: skip
TAB = closed(id=must(lambda value: isinstance(value, int)), name=must(text), position=Key(whole))
CARD = {
    "name": Key(text), "type": Key(one_of("question", "model", "metric")), "dataset_query": Key(native_query),
    "parameters": Key(rows_of(PARAMETER)), "description": Key(text), "display": Key(text),
    "visualization_settings": Key(mapping), "collection_id": Key(number),
}  # fmt: skip
VISIBILITIES = ("normal", "details-only", "hidden", "sensitive", "retired")

BODIES: dict[str, dict[str, Key]] = {
    "POST /api/setup": {
        "token": must(text),
        "user": must(closed(email=must(lambda value: text(value) and "@" in value), password=must(text),
                            first_name=Key(text), last_name=Key(text))),
        "prefs": must(closed(site_name=must(text), site_locale=Key(text), allow_tracking=Key(flag))),
    },
    "POST /api/session": {"username": must(text), "password": must(text)},
    "POST /api/database": {
        "name": must(text), "engine": must(one_of("postgres", "h2", "mysql")), "details": must(mapping),
        "is_full_sync": Key(flag), "is_on_demand": Key(flag), "auto_run_queries": Key(flag),
    },
    "PUT /api/database/:id": {
        "name": Key(text), "engine": Key(text), "details": Key(mapping), "description": Key(text),
        "auto_run_queries": Key(flag),
    },
    "POST /api/database/:id/sync_schema": {},
    "PUT /api/table/:id": {
        "display_name": Key(text), "description": Key(text),
        "visibility_type": Key(one_of("technical", "hidden", "cruft")),
    },
    "PUT /api/field/:id": {
        "display_name": Key(text), "description": Key(text), "fk_target_field_id": Key(number),
        "semantic_type": Key(lambda value: text(value) and value.startswith("type/")),
        "visibility_type": Key(one_of(*VISIBILITIES)),
    },
    "POST /api/collection": {"name": must(text), "description": Key(text), "parent_id": Key(number)},
    "PUT /api/collection/:id": {"name": Key(text), "description": Key(text), "archived": Key(flag)},
    "POST /api/card": {
        **CARD,
        "name": must(text), "dataset_query": must(native_query), "display": must(text),
        "visualization_settings": must(mapping),
    },
    "PUT /api/card/:id": {**CARD, "archived": Key(flag)},
    "POST /api/dashboard": {
        "name": must(text), "description": Key(text), "parameters": Key(rows_of(PARAMETER)),
        "collection_id": Key(number),
    },
    "PUT /api/dashboard/:id": {
        "name": Key(text), "description": Key(text), "parameters": Key(rows_of(PARAMETER)),
        "dashcards": Key(rows_of(DASHCARD)), "tabs": Key(rows_of(TAB)), "archived": Key(flag),
        "collection_id": Key(number),
    },
}  # fmt: skip

BOOLEAN = ("true", "false")
QUERIES: dict[str, dict[str, tuple[str, ...]]] = {
    "GET /api/database/:id/metadata": {"include_hidden": BOOLEAN, "skip_fields": BOOLEAN},
    "GET /api/table/:id/query_metadata": {
        "include_hidden_fields": BOOLEAN, "include_sensitive_fields": BOOLEAN,
    },
    "GET /api/collection/:id/items": {"models": ("card", "dataset", "dashboard", "collection", "metric")},
    "GET /api/card/:id": {"ignore_view": BOOLEAN},
}  # fmt: skip
