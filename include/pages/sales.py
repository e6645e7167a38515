"""What the page Sales shows: the three answers, each with its moment and how complete it is."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.insights import AVERAGE_ORDER_VALUE, PERIODS, STALE_AFTER_SECONDS, TOP_PRODUCTS
from include.pages.reading import Row, moment, rows
from include.publish.snapshot import completeness
from include.settings import Settings

TOP = 10
HOURS_LISTED = 6
# How far back the trend may look, in hours, and its grain there, in minutes.
WINDOWS = {1: 1, 3: 1, 6: 1, 24: 5}


def read_sales(settings: Settings, hours: int) -> dict[str, Any]:
    """The answers at one moment, read as the role that BI tools use. `hours` is one of WINDOWS."""
    with moment(settings.postgres, "sales_reader") as connection:
        fresh = rows(connection, "freshness")[0]
        trend = rows(connection, "region_trend", hours=hours, step_minutes=WINDOWS[hours])
        listed = rows(connection, "hours", hours=HOURS_LISTED)
        products = _ask(connection, TOP_PRODUCTS, limit=TOP)
        values = _ask(connection, AVERAGE_ORDER_VALUE)
    checked_at, as_of = _instant(fresh["checked_at"]), _instant(fresh["as_of"])
    return {
        **freshness(fresh, checked_at, as_of),
        "currency": settings.lake.reporting_currency,
        "top_products": products,
        "trend": {
            "hours": hours,
            "step_minutes": WINDOWS[hours],
            "seen_up_to": full_steps(as_of, WINDOWS[hours]),
            "regions": trend,
        },
        "order_values": order_values(values),
        "hours": [with_seen(hour, as_of, settings.publish.grace_minutes) for hour in listed],
    }


def _ask(connection: psycopg.Connection, query: str, **values: object) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), values).fetchall()


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def freshness(fresh: Row, checked_at: datetime | None, as_of: datetime | None) -> dict[str, Any]:
    """How old the answers are. `last_hour_seen` is the share of the last 60 minutes that is counted."""
    age = (checked_at - as_of).total_seconds() if checked_at and as_of else None
    return {
        **fresh,
        "is_stale": age is None or age > STALE_AFTER_SECONDS,
        "age_seconds": age,
        "last_hour_seen": None if age is None else min(max(1 - age / 3_600, 0), 1),
    }


def full_steps(as_of: datetime | None, step_minutes: int) -> int | None:
    """Seconds since 1970 where the first step begins that the stream has not read to its end."""
    if as_of is None:
        return None
    step = timedelta(minutes=step_minutes).total_seconds()
    return int(as_of.timestamp() // step * step)


def order_values(values: list[Row]) -> list[dict[str, Any]]:
    """One row per period, its regions and the value over all of them: total revenue by total orders."""
    by_period: defaultdict[str, list[Row]] = defaultdict(list)
    for value in values:
        by_period[value["period"]].append(value)
    return [
        {
            "period": name,
            "all": _over_all(by_period[period]),
            "regions": {value["region"]: _measures(value) for value in by_period[period]},
        }
        for period, name in PERIODS.items()
        if period in by_period
    ]


def _over_all(values: list[Row]) -> dict[str, int]:
    orders, revenue = (sum(value[name] for value in values) for name in ("orders", "revenue_cents"))
    average = round(revenue / orders) if orders else 0
    return {"orders": orders, "revenue_cents": revenue, "average_order_value_cents": average}


def _measures(value: Row) -> dict[str, int]:
    return {name: value[name] for name in ("orders", "revenue_cents", "average_order_value_cents")}


def with_seen(hour: Row, as_of: datetime | None, grace_minutes: int) -> Row:
    """`seen` is the share of the hour that the live numbers hold; 1 once its grace is over."""
    began = datetime.fromisoformat(hour["hour_utc"])
    seen = float(completeness(began, as_of, grace_minutes)) if as_of else 0.0
    return {**hour, "seen": seen}
