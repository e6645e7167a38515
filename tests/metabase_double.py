"""
What Metabase answers where `bi/metabase` asks it; tests/metabase_server.py serves it. Metabase is not in it.

It keeps what it was given, and refuses what `tests/metabase_requests.py` does not let through, as Metabase
does: 400 with the values it received. `major` says which Metabase it plays.
"""

import re
from copy import deepcopy
from typing import Any

from tests.metabase_requests import BODIES, QUERIES, faults

Object = dict[str, Any]
ADMIN, PASSWORD, KEY = "admin@sales.example", 'pass-"word"-1', "mb_key_of_the_test"
TOKEN, SESSION = "setup-token-1", "session-1"
REDACTED = "**MetabasePass**"
# Kinds of objects, as they stand in a path; of the others the answer is made by a method.
KINDS = ("database", "table", "field", "collection", "card", "dashboard")


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, said: Any) -> None:
        super().__init__(str(said))
        self.status, self.said = status, said


class MetabaseDouble:
    """Its objects by kind and id; `asked` are the requests that changed something."""

    def __init__(self, marts: dict[str, list[str]], *, major: int = 56, is_set_up: bool = True) -> None:
        self.marts, self.major, self.is_set_up = marts, major, is_set_up
        self.objects: dict[str, dict[int, Object]] = {kind: {} for kind in KINDS}
        self.asked: list[tuple[str, Any]] = []
        self.users = {ADMIN: PASSWORD}
        self.is_administrator = True
        self.tag = f"v0.{major}.3"
        # PostgreSQL as it can be reached from this Metabase.
        self.reachable = {"host": "postgres.test", "port": 5432, "password": "reader-secret"}
        # A sync is over after so many looks at it.
        self.looks_until_synced = 3
        self._looks = 0
        self._last_id = 0

    # What a test does as somebody else.

    def add(self, kind: str, **values: Any) -> int:
        self._last_id += 1
        self.objects[kind][self._last_id] = {"id": self._last_id, **values}
        return self._last_id

    def one(self, kind: str, name: str) -> Object:
        found = [row for row in self.objects[kind].values() if row["name"] == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name}"
        return found[0]

    def column(self, table: str, name: str) -> Object:
        number = self.one("table", table)["id"]
        rows = self.objects["field"].values()
        return next(row for row in rows if (row["table_id"], row["name"]) == (number, name))

    # What Metabase does.

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any, who: Object) -> Any:
        place = re.sub(r"/\d+(?=/|$)", "/:id", path)
        self._check(f"{method} {place}", path, query, body or {}, who)
        if method != "GET" and not place.startswith("/api/session"):
            self.asked.append((f"{method} {path}", body))
        number = next(iter(map(int, re.findall(r"/(\d+)", path))), 0)
        kind = path.split("/")[2]
        own = getattr(self, f"_{method.lower()}_{place[5:].replace('/:id', '_one').replace('/', '_')}", None)
        if own:
            return own(number, body, query)
        if method == "GET" and number:
            return self.objects[kind][number]
        if method == "PUT":
            self.objects[kind][number].update(body)
            return self.objects[kind][number]
        if method == "POST":
            return self.objects[kind][self.add(kind, archived=False, **body)]
        raise Refused(404, "API endpoint does not exist.")

    def _check(self, name: str, path: str, query: dict[str, list[str]], body: Object, who: Object) -> None:
        is_open = name in ("GET /api/session/properties", "POST /api/setup", "POST /api/session")
        if not is_open and who["session"] != SESSION and who["key"] != KEY:
            raise Refused(401, "Unauthenticated")
        if not self.is_administrator and re.search("/(database|table|field)", path):
            raise Refused(403, "You don't have permissions to do that.")
        allowed = QUERIES.get(name, {})
        wrong = [key for key, values in query.items() if not set(values) <= set(allowed.get(key, ()))]
        if name.startswith(("POST", "PUT")):
            wrong += faults(BODIES[name], body)
        if wrong:
            received = {key: [f"unexpected, received: {body.get(key)!r}"] for key in wrong}
            raise Refused(400, {"errors": dict.fromkeys(wrong, "is wrong"), "specific-errors": received})
        for kind, number in re.findall(r"/(\w+)/(\d+)", path):
            if int(number) not in self.objects[kind]:
                raise Refused(404, "Not found.")

    def _get_session_properties(self, *_: Any) -> Object:
        token = None if self.is_set_up else TOKEN
        return {"version": {"tag": self.tag}, "has-user-setup": self.is_set_up, "setup-token": token}

    def _post_setup(self, _: int, body: Object, __: Any) -> Object:
        if self.is_set_up or body["token"] != TOKEN:
            raise Refused(403, "The /api/setup route can only be used to create the first user.")
        self.is_set_up, self.users = True, {body["user"]["email"]: body["user"]["password"]}
        return {"id": SESSION}

    def _post_session(self, _: int, body: Object, __: Any) -> Object:
        if self.users.get(body["username"]) != body["password"]:
            raise Refused(401, {"errors": {"password": f"did not match, received: {body['password']}"}})
        return {"id": SESSION}

    def _delete_session(self, *_: Any) -> None:
        self.asked.append(("logged out", None))

    def _get_user_current(self, *_: Any) -> Object:
        return {"id": 1, "is_superuser": self.is_administrator}

    def _get_database(self, *_: Any) -> Object:
        rows = [self._get_database_one(number) for number in self.objects["database"]]
        return {"data": rows, "total": len(rows)}

    def _get_database_one(self, number: int, *_: Any) -> Object:
        row = deepcopy(self.objects["database"][number])
        row["details"]["password"] = REDACTED
        return row

    def _post_database(self, _: int, body: Object, __: Any) -> Object:
        self._connect(body["details"])
        # Metabase tries SSL by itself and keeps what went well.
        details = {**body["details"], "ssl": True}
        return self.objects["database"][self.add("database", **{**body, "details": details})]

    def _put_database_one(self, number: int, body: Object, _: Any) -> Object:
        row = self.objects["database"][number]
        details = {**row["details"], **body.get("details", {})}
        if details["password"] == REDACTED:
            details["password"] = row["details"]["password"]
        if details != row["details"]:
            self._connect(details)
        row.update({**body, "details": details})
        return row

    def _connect(self, details: Object) -> None:
        if any(details.get(key) != value for key, value in self.reachable.items()):
            raise Refused(
                400, {"message": f"Cannot connect with {details['password']}", "errors": {"host": "?"}}
            )

    def _post_database_one_sync_schema(self, *_: Any) -> Object:
        self._looks = 0
        return {"status": "ok"}

    def _get_database_one_metadata(self, number: int, *_: Any) -> Object:
        self._looks += 1
        if self._looks >= self.looks_until_synced - 1 and not self.objects["table"]:
            for schema, name in [("live", "freshness"), *(("marts", mart) for mart in self.marts)]:
                self.add("table", name=name, schema=schema, display_name=name, db_id=number, active=True)
        if self._looks >= self.looks_until_synced and not self.objects["field"]:
            self._make_fields()
        return {"id": number, "tables": list(self.objects["table"].values())}

    def _make_fields(self) -> None:
        for table in list(self.objects["table"].values()):
            for name in self.marts.get(table["name"], ["as_of"]):
                guess = {"display_name": name.title(), "semantic_type": None, "visibility_type": "normal"}
                self.add("field", name=name, table_id=table["id"], active=True, **guess)

    def _get_table_one_query_metadata(self, number: int, _: Any, query: dict[str, list[str]]) -> Object:
        hidden = {"sensitive"} - (
            {"sensitive"} if query.get("include_sensitive_fields") == ["true"] else set()
        )
        fields = [
            row
            for row in self.objects["field"].values()
            if row["table_id"] == number and row["visibility_type"] not in hidden
        ]
        return {**self.objects["table"][number], "fields": fields}

    def _put_field_one(self, number: int, body: Object, _: Any) -> Object:
        if body.get("fk_target_field_id", number) not in self.objects["field"]:
            raise Refused(400, {"errors": {"fk_target_field_id": "Invalid target field"}})
        self.objects["field"][number].update(body)
        return self.objects["field"][number]

    def _get_collection(self, *_: Any) -> list[Object]:
        root = {"id": "root", "name": "Our analytics"}
        own = {"id": 9_001, "name": "Saleslake", "personal_owner_id": 1, "location": "/", "type": None}
        trash = {"id": 9_002, "name": "Trash", "type": "trash", "location": "/"}
        there = [row for row in self.objects["collection"].values() if not row.get("archived")]
        return [root, own, trash, *({"location": "/", "type": None, **row} for row in there)]

    def _get_collection_one_items(self, number: int, _: Any, query: dict[str, list[str]]) -> Object:
        rows = [
            {"id": row["id"], "name": row["name"], "description": row.get("description"), "model": model}
            for kind in ("card", "dashboard")
            for row in self.objects[kind].values()
            if row.get("collection_id") == number and not row.get("archived")
            if (model := "dataset" if row.get("type") == "model" else kind) in query["models"]
        ]
        return {"total": len(rows), "data": rows}

    def _get_card_one(self, number: int, *_: Any) -> Object:
        row = deepcopy(self.objects["card"][number])
        asked = row["dataset_query"]
        if self.major >= 57:
            stage = {"lib/type": "mbql.stage/native", "native": asked["native"]["query"]}
            stage["template-tags"] = asked["native"].get("template-tags", {})
            row["dataset_query"] = {
                "lib/type": "mbql/query",
                "stages": [stage],
                "database": asked["database"],
            }
        return row

    def _get_dashboard_one(self, number: int, *_: Any) -> Object:
        # It keeps cards of the trash, and does not show them.
        gone = {row["id"] for row in self.objects["card"].values() if row.get("archived")}
        row = self.objects["dashboard"][number]
        return {**row, "dashcards": [one for one in row.get("dashcards", []) if one["card_id"] not in gone]}

    def _put_dashboard_one(self, number: int, body: Object, _: Any) -> Object:
        row = self.objects["dashboard"][number]
        if "dashcards" in body:
            body = {**body, "tabs": body.get("tabs", [])}
            body["dashcards"] = [self._dashcard(row, body["tabs"], new) for new in body["dashcards"]]
        row.update(body)
        return row

    def _dashcard(self, dashboard: Object, tabs: list[Object], new: Object) -> Object:
        there = {row["id"]: row for row in dashboard.get("dashcards", [])}
        if tabs and new.get("dashboard_tab_id") is None and len(tabs) > 1:
            raise Refused(400, "This dashboard has tab, makes sure every card has a tab")
        if new["id"] > 0 and new["id"] not in there:
            raise Refused(404, "Not found.")
        card = self.objects["card"].get(new.get("card_id") or 0)
        if new.get("card_id") and (card is None or card.get("archived")):
            raise Refused(404, "Not found.")
        tags = card["dataset_query"]["native"].get("template-tags", {}) if card else {}
        if any(one["target"][1][1] not in tags for one in new.get("parameter_mappings", [])):
            raise Refused(400, {"errors": {"dashcards": "no such variable"}})
        self._last_id += 1
        kept = there.get(new["id"], {"id": self._last_id, "created_at": "2026-11-22", "entity_id": "x"})
        return {**kept, **{key: value for key, value in new.items() if key != "id"}}
