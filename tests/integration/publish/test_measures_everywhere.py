"""
Every measure of the metric contract by every path that runs here, over hours that were really published:
all are equal, to the cent.

Orders go into Delta as the lake writer leaves them and through the publisher into the marts. Then each path
answers: SQL in PostgreSQL; the SQL that the formulas of Tableau's data sources stand for; the Hyper engine
over an extract; the DAX of the Power BI project as SQL by its documented rules; the SQL of Metabase's
questions and of Grafana's panels with their variables filled in; gold, through delta-rs. bi/README.md says
what that does not show.
"""

import json
import random
from collections.abc import Callable
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from bi.contract import contract
from bi.extracts.questions import measure_in_extract
from bi.extracts.refresh import refresh
from bi.metabase.cards import cards
from bi.power_bi.fields import dimension
from bi.queries import query
from bi.tableau.fields import measure_field
from include.settings import PROJECT_ROOT
from lake.reading import delta_table
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE
from tests.dashboards import queries, sql
from tests.dax_sql import measure_query
from tests.integration.publish.publishing import HOUR, run
from tests.lake_double import line, silver_order
from tests.metabase_sql import substituted
from tests.power_bi_project import FOLDER, model
from tests.tableau_files import SOURCES
from tests.tableau_sql import expression, relation

pytestmark = pytest.mark.stack
CONTRACT = contract()
FIRST, END = HOUR, HOUR + timedelta(hours=3)
HOURS = {"first": FIRST, "end": END}
# The last of the three hours is still open, half of it seen.
SEEN = FIRST + timedelta(hours=2, minutes=30)
CHANNELS = ("web", "mobile", "store", "marketplace")
REGIONS = ("AMER", "EMEA", "APAC", "LATAM")
Way = Callable[[str], Any]


@pytest.fixture
def published(lake, connection):
    """
    Three hours that are asked for, one of them open, and one before and after; 400 orders, the last batch
    changes hours that were published.
    """
    chance = random.Random(3)  # noqa: S311
    orders = [
        silver_order(
            f"O-{number}", FIRST + timedelta(seconds=chance.randrange(-3_600, 4 * 3_600)),
            region=chance.choice(REGIONS), channel=chance.choice(CHANNELS),
            lines=[
                line(line_no=place + 1, product_id=f"P-{chance.randrange(12)}", quantity=chance.randint(1, 9),
                     unit_price_cents=chance.randint(1, 99_999), discount_cents=0)
                for place in range(chance.randint(1, 3))
            ],
        )
        for number in range(400)
    ]  # fmt: skip
    lake.batch(orders[:350], SEEN)
    run(lake)
    lake.batch(orders[350:], SEEN + timedelta(minutes=6))
    summary = run(lake)
    assert "restated" in {result.outcome for result in summary.results}
    return connection


def exact(value: Any) -> Decimal:
    """To the cent, and a completeness to two places more."""
    return Decimal(str(value)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def by_postgresql(connection: Any) -> Way:
    return lambda name: connection.execute(query(CONTRACT, [name]), HOURS).fetchone()[0]


def by_tableau(connection: Any) -> Way:
    def value(name: str) -> Any:
        mart = CONTRACT.mart_of([name])
        source = SOURCES[f"federated.{mart}"]
        asked = (
            f"select {expression(source, measure_field(name))}"
            f" from {relation(source.find('connection/relation'))}"
            f" where {mart}.hour_utc >= %(first)s and {mart}.hour_utc < %(end)s"
        )
        return connection.execute(asked, HOURS).fetchone()[0]

    return value


def by_hyper(database: Any, folder: Path) -> Way:
    file = refresh(database, folder).file
    return lambda name: measure_in_extract(file, CONTRACT, name, FIRST, END)


def by_power_bi(connection: Any) -> Way:
    folder = PROJECT_ROOT / "bi"
    paths = (folder / FOLDER).rglob("*.tmdl")
    known = model({path.relative_to(folder): path.read_text(encoding="utf-8") for path in paths})

    (hour,) = dimension(CONTRACT, "hour")

    def value(name: str) -> Any:
        asked = measure_query(known, CONTRACT.measures[name].label, (), hour)
        return connection.execute(asked, HOURS).fetchone()[0]

    return value


def by_metabase(connection: Any) -> Way:
    known = {card.mark: card for card in cards(CONTRACT, "USD")}
    hours = {name: moment.replace(tzinfo=None) for name, moment in HOURS.items()}

    def value(name: str) -> Any:
        asked, bound = substituted(known[f"measure {name}"].sql, hours, as_text=False)
        return connection.execute(asked, bound).fetchone()[0]

    return value


def by_grafana(connection: Any) -> Way:
    def value(name: str) -> Any:
        (asked,) = (
            one
            for one in queries("grafana-postgresql-datasource")
            if one.panel["title"] == CONTRACT.measures[name].label and one.panel["type"] == "stat"
        )
        # Its macro for the end of a time span is asked with `<`, as the contract's queries are.
        return connection.execute(sql(asked, FIRST, END)).fetchone()[0]

    return value


def by_gold(root: Path) -> Way:
    """Gold knows no completeness: it is the publisher's."""

    def total(table: Any, column: str) -> int:
        rows = delta_table(table, root).to_pyarrow_table(columns=["minute_utc", column])
        within = pc.and_(pc.greater_equal(rows["minute_utc"], FIRST), pc.less(rows["minute_utc"], END))
        return pc.sum(rows.filter(within)[column]).as_py()

    revenue = Decimal(total(GOLD_ORDER_VALUE_MINUTE, "revenue_cents")) / 100
    orders = total(GOLD_ORDER_VALUE_MINUTE, "orders")
    return {
        "revenue": revenue,
        "orders": orders,
        "average_order_value": revenue / orders,
        "units": total(GOLD_PRODUCT_SALES_MINUTE, "units"),
        "product_revenue": Decimal(total(GOLD_PRODUCT_SALES_MINUTE, "revenue_cents")) / 100,
    }.get


def test_every_measure_is_the_same_by_every_path(published, database, lake, tmp_path):
    paths = {
        "PostgreSQL": by_postgresql(published),
        "Tableau, live": by_tableau(published),
        "Tableau, extract": by_hyper(database, tmp_path / "extract"),
        "Power BI": by_power_bi(published),
        "Metabase": by_metabase(published),
        "Grafana": by_grafana(published),
        "Delta gold": by_gold(lake.root),
    }
    found = {
        name: {path: exact(value) for path, way in paths.items() if (value := way(name)) is not None}
        for name in CONTRACT.measures
    }
    print(json.dumps(found, default=str, indent=2))
    assert {name: len(values) for name, values in found.items()} == {
        name: len(paths) - (name == "completeness") for name in CONTRACT.measures
    }
    assert {name: len(set(values.values())) for name, values in found.items()} == dict.fromkeys(found, 1)
    assert 0.5 < found["completeness"]["PostgreSQL"] < 0.7
    assert found["revenue"]["PostgreSQL"] > found["product_revenue"]["PostgreSQL"] > 0


def test_grafana_has_a_tile_for_every_measure():
    titles = {one.panel["title"] for one in queries("grafana-postgresql-datasource")}
    assert {measure.label for measure in CONTRACT.measures.values()} <= titles
