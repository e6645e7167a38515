"""*Sales*: the answers, seconds fresh from `live`, and audited from `marts` by the metric contract's SQL."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard

from bi.contract import Contract, contract
from bi.queries import query, question_sql
from stack.dashboards.board import Section, board
from stack.dashboards.panels import Panel, Sql, bars, lines, rows, tile

UID = "saleslake-sales"
HOURS = ("$__timeFrom()", "$__timeTo()")
MONEY = "short"
ORDER_VALUE = (
    'select sum(revenue_cents) / 100.0 / nullif(sum(orders), 0) as "average order value"'
    " from live.average_order_value where period = '{period}'"
)
PERIODS = {"last_5_minutes": "5 minutes", "last_hour": "hour", "last_day": "day"}


def made() -> dashboard.Dashboard:
    known = contract()
    return board(
        UID,
        "Sales",
        "Which products sell best, how regions trend, what an order is worth: live, then published.",
        [
            Section("Live, seconds fresh, not audited", live()),
            Section("Published: measures of the metric contract", measures(known)),
            Section("Published: its questions", questions(known)),
        ],
        period="now-24h",
        refresh="1m",
    )


def live() -> Iterator[Panel]:
    yield tile(
        "Fresh to",
        Sql('select lag_seconds as "behind" from live.freshness'),
        what="How far the live tables are behind Kafka.",
        unit="s",
        decimals=0,
        width=6,
    )
    for period, said in PERIODS.items():
        yield tile(
            f"Average order value, {said}",
            Sql(ORDER_VALUE.format(period=period)),
            what=f"Of all orders of the last {said}, in the reporting currency.",
            decimals=2,
            width=6,
        )
    yield bars(
        "Top products, last hour",
        "select product_name || ' (' || product_id || ')' as \"product\", units as \"units\""
        " from live.top_products_last_hour order by rank limit 10",
        what="By units sold.",
        x="product",
        unit="short",
    )
    yield lines(
        "Revenue by region",
        Sql(
            "select $__timeGroupAlias(minute_utc, $__interval), region as metric,"
            ' sum(revenue_cents) / 100.0 as "revenue" from live.region_trend'
            " where $__timeFilter(minute_utc) group by 1, 2 order by 1, 2",
            "time_series",
        ),
        what="As it comes in, in the reporting currency; the newest point is still filling.",
        unit=MONEY,
    )


def measures(known: Contract) -> Iterator[Panel]:
    units = {"currency": (MONEY, 2), "ratio": ("percentunit", 1)}
    for name, measure in known.measures.items():
        unit, decimals = units.get(measure.unit, ("short", 0))
        yield tile(
            measure.label,
            Sql(query(known, [name], hours=HOURS)),
            what=measure.definition,
            unit=unit,
            decimals=decimals,
        )


def questions(known: Contract) -> Iterator[Panel]:
    for name, question in known.questions.items():
        yield rows(
            question.label,
            Sql(question_sql(known, name, HOURS)),
            what=question.definition,
            empty="Nothing is published of this time.",
            width=12,
        )
    yield rows(
        "Restated",
        Sql(
            "select restated_at, mart, hour_utc, row_key, measure, old_value, new_value, reason"
            " from marts.restatements where $__timeFilter(restated_at) order by restatement_id desc limit 100"
        ),
        what="Every value that changed after its hour was closed, newest first.",
        empty="Nothing was restated in this time.",
    )
