"""Provisioning a Metabase, against the double: what is made, what a second run does, what is put right."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bi.contract import contract
from bi.metabase import tables
from bi.metabase.cards import cards, mark_of
from bi.metabase.connection import DESCRIPTION as CONNECTION_DESCRIPTION
from bi.metabase.secret_files import Credentials
from tests.metabase_double import ADMIN, KEY, PASSWORD, MetabaseDouble
from tests.metabase_server import READER, Run, double, filled, private

MARTS = len(contract().marts)
CARDS = len(contract().measures) + len(contract().questions)


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "POLL_SECONDS", 0.001)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_fresh_metabase_is_set_up_and_filled(run: Run) -> None:
    """First administrator, connection, texts of the marts, questions on a dashboard; then it leaves."""
    metabase = double(is_set_up=False)

    done = run.against(metabase)

    assert metabase.users == {ADMIN: PASSWORD}
    assert (done.made, done.changed, done.unchanged) == (3 + CARDS, MARTS, 0)
    details = metabase.one("database", "Saleslake")["details"]
    assert (details["user"], details["password"]) == ("sales_reader", READER)
    assert details["schema-filters-patterns"] == "marts,live"
    collection = metabase.one("collection", "Saleslake")["id"]
    assert {row["collection_id"] for row in metabase.objects["card"].values()} == {collection}
    assert done.dashboard.endswith(f"/dashboard/{metabase.one('dashboard', 'Sales')['id']}")
    assert metabase.asked[-1] == ("logged out", None)


@pytest.mark.parametrize("major", [50, 56, 57, 66])
def test_a_second_run_changes_nothing(run: Run, major: int) -> None:
    """Whichever form the version gives questions back in. Only the connection is sent anew."""
    metabase = filled(major)

    second = run.against(metabase)

    assert (second.made, second.changed, second.unchanged) == (0, 0, 3 + CARDS + MARTS)
    assert [name for name, _ in metabase.asked] == ["PUT /api/database/1", "logged out"]
    assert metabase.objects == filled(major).objects


def test_an_api_key_needs_no_session(run: Run) -> None:
    """It is sent with every request, and nobody logs in or out."""
    private(run.credentials, f'{{"api_key": "{KEY}"}}')
    metabase = double()
    assert run.against(metabase).made == 3 + CARDS
    assert metabase.asked[-1] != ("logged out", None)


def test_columns_say_what_the_contract_says() -> None:
    """Label, text, key, join, cents out of sight; what the contract leaves open stays as Metabase has it."""
    metabase = filled()

    assert metabase.one("table", "dim_region")["display_name"] == "Regions"
    assert metabase.column("dim_region", "region")["semantic_type"] == "type/PK"
    joined = metabase.column("order_value_hourly", "region")
    assert joined["semantic_type"] == "type/FK"
    assert joined["fk_target_field_id"] == metabase.column("dim_region", "region")["id"]
    assert metabase.column("fct_orders", "total_cents")["visibility_type"] == "details-only"
    assert metabase.column("fct_orders", "kafka_offset")["visibility_type"] == "details-only"
    # One of several columns of a key opens no row by itself.
    assert metabase.column("order_value_hourly", "channel")["semantic_type"] is None
    country = metabase.column("fct_orders", "country")
    assert country["description"] == "ISO 3166-1 alpha-2 code."
    assert (country["semantic_type"], country["visibility_type"]) == (None, "normal")
    assert metabase.column("freshness", "as_of")["display_name"] == "As_Of"


def test_the_dashboard_filters_every_question() -> None:
    """Numbers above, charts below, each listening to both filters, none upon another."""
    metabase = filled()
    dashboard = metabase.one("dashboard", "Sales")
    rows = dashboard["dashcards"]
    assert [row["card_id"] for row in rows] == [row["id"] for row in metabase.objects["card"].values()]
    assert [one["slug"] for one in dashboard["parameters"]] == ["first", "end"]
    for row in rows:
        targets = {one["parameter_id"]: one["target"][1][1] for one in row["parameter_mappings"]}
        assert targets == {"saleslake-first": "first", "saleslake-end": "end"}
    numbers = len(contract().measures)
    assert [row["row"] for row in rows] == [0] * numbers + [3, 3, 10, 10]
    taken = [
        (row["row"] + down, row["col"] + right)
        for row in rows
        for down in range(row["size_y"])
        for right in range(row["size_x"])
    ]
    assert len(taken) == len(set(taken))
    assert max(column for _, column in taken) < 24


def card(metabase: MetabaseDouble) -> Any:
    return metabase.one("card", "Regional trend")


def set_variable(metabase: MetabaseDouble, **values: Any) -> None:
    card(metabase)["dataset_query"]["native"]["template-tags"]["first"].update(values)


DRIFTS: dict[str, Callable[[MetabaseDouble], Any]] = {
    "name": lambda one: card(one).update(name="Trend"),
    "description": lambda one: card(one).update(description="?"),
    "display": lambda one: card(one).update(display="area"),
    "type": lambda one: card(one).update(type="model"),
    "SQL": lambda one: card(one)["dataset_query"]["native"].update(
        query="-- saleslake: question region_trend\nselect {{first}}, {{end}}"
    ),
    "variables": lambda one: set_variable(one, default="2020-01-01"),
    "database": lambda one: card(one)["dataset_query"].update(database=77),
    "visualization_settings": lambda one: card(one)["visualization_settings"].pop("graph.metrics"),
    "display_name": lambda one: one.one("table", "dim_region").update(display_name="?"),
    "column region": lambda one: one.column("dim_region", "region").update(semantic_type="type/Category"),
    "column units": lambda one: one.column("fct_orders", "units").update(description=None),
    "column tax_cents": lambda one: one.column("fct_orders", "tax_cents").update(visibility_type="normal"),
    "details": lambda one: one.one("database", "Saleslake")["details"].update(host="elsewhere"),
    "parameters": lambda one: one.one("dashboard", "Sales")["parameters"][1].update(name="?"),
    "dashcards, tabs": lambda one: one.one("dashboard", "Sales")["dashcards"][7].update(
        parameter_mappings=[]
    ),
}


@pytest.mark.parametrize(
    ("what", "major"), [*((what, 56) for what in DRIFTS), ("SQL", 57), ("variables", 57)]
)
def test_what_differs_is_put_right(run: Run, what: str, major: int) -> None:
    """One thing at a time: it is told and counted, and all is as a first run makes it."""
    metabase = filled(major)
    DRIFTS[what](metabase)

    done = run.against(metabase)

    assert (done.made, done.changed) == (0, 1)
    assert f": {what}." in run.told[-1]
    assert metabase.objects == filled(major).objects


def test_another_password_gets_into_the_connection(run: Run) -> None:
    """It cannot be read back, so it is sent every time."""
    metabase = filled()
    metabase.reachable["password"] = "newer"  # noqa: S105
    private(run.database.passfile, "*:*:sales:sales_reader:newer\n")
    run.against(metabase)
    assert metabase.one("database", "Saleslake")["details"]["password"] == "newer"  # noqa: S105


def test_a_renamed_connection_is_found_by_its_mark(run: Run) -> None:
    """And another one of its name, not for PostgreSQL, is not taken."""
    metabase = double()
    metabase.add("database", name="Saleslake", engine="h2", details={"password": "x"}, description=None)
    run.against(metabase)
    mine = next(row for row in metabase.objects["database"].values() if row["engine"] == "postgres")
    assert mine["description"] == CONNECTION_DESCRIPTION
    mine["name"] = "Warehouse"

    assert run.against(metabase).made == 0
    assert mine["name"] == "Saleslake"


def test_every_question_has_a_mark_and_a_name_of_its_own() -> None:
    """By these it is found again."""
    made = cards(contract(), "EUR")
    assert len({one.mark for one in made}) == len({one.name for one in made}) == CARDS
    assert [mark_of(one.sql) for one in made] == [one.mark for one in made]
    assert mark_of("select 1 -- saleslake: measure revenue") == ""


def test_numbers_are_shown_as_the_contract_formats_them() -> None:
    """Money in the lake's currency with its decimals, shares as percentages, counts without decimals."""
    settings = {one.mark: one.settings["column_settings"] for one in cards(contract(), "EUR")}
    money = settings["measure revenue"]['["name","revenue"]']
    assert (money["number_style"], money["currency"], money["decimals"]) == ("currency", "EUR", 2)
    share = settings["measure completeness"]['["name","completeness"]']
    assert (share["number_style"], share["decimals"]) == ("percent", 1)
    count = settings["question top_products"]['["name","units"]']
    assert (count["number_style"], count["decimals"], count["column_title"]) == ("decimal", 0, "Units")


def test_credentials_do_not_print_their_secrets(run: Run) -> None:
    """Whoever logs them logs stars."""
    assert PASSWORD not in repr(Credentials.read(run.credentials))
