"""The three sales answers, from the live view: what sells, how regions trend, what an order is worth."""

from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from include.sales_db import connect
from include.settings import PostgresSettings

# The stream closes a batch every few seconds; as_of older than this means that it stands still.
STALE_AFTER_SECONDS = 60
TREND_MINUTES = 60
BARS = "▁▂▃▄▅▆▇█"
PERIODS = {"last_5_minutes": "last 5 minutes", "last_hour": "last hour", "last_day": "last day"}

TOP_PRODUCTS = """
select rank, product_id, product_name, category, units, revenue_cents
from live.top_products_last_hour order by rank limit %(limit)s
"""
# Every minute of the hour for every region that sold in it, so that a quiet minute is a zero and not a gap.
REGION_TREND = """
with minutes as (
    select generate_series(
        date_trunc('minute', now()) - make_interval(mins => %(minutes)s - 1), date_trunc('minute', now()),
        interval '1 minute'
    ) as minute_utc
), sold as (
    select * from live.region_trend where minute_utc in (select minute_utc from minutes)
)
select region, array_agg(coalesce(orders, 0)::bigint order by minute_utc) as orders_by_minute,
       coalesce(sum(orders), 0)::bigint as orders, coalesce(sum(revenue_cents), 0)::bigint as revenue_cents
from minutes cross join (select distinct region from sold) as regions
left join sold using (minute_utc, region)
group by region order by sum(revenue_cents) desc, region
"""
AVERAGE_ORDER_VALUE = """
select period, region, orders, average_order_value_cents, revenue_cents
from live.average_order_value order by period, region
"""
UNKNOWN_FIELDS = """
select field, orders, last_seen_at from live.unknown_fields order by orders desc, field limit %(limit)s
"""
FRESHNESS = "select as_of, last_batch_at, lag_seconds from live.freshness"


@dataclass(frozen=True, slots=True)
class Product:
    rank: int
    product_id: str
    product_name: str
    category: str
    units: int
    revenue_cents: int


@dataclass(frozen=True, slots=True)
class Trend:
    """One region's last hour, minute by minute, the running minute last."""

    region: str
    orders_by_minute: list[int]
    orders: int
    revenue_cents: int


@dataclass(frozen=True, slots=True)
class OrderValue:
    period: str
    region: str
    orders: int
    average_order_value_cents: int
    revenue_cents: int


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field of orders that the contract does not know; `lines.<name>` is one of a line."""

    field: str
    orders: int
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Insights:
    """The answers at one moment. Everything Kafka had at `as_of` is counted; None: nothing yet."""

    as_of: datetime | None
    lag_seconds: float | None
    top_products: list[Product]
    trends: list[Trend]
    order_values: list[OrderValue]
    unknown_fields: list[UnknownField] = field(default_factory=list)

    @property
    def is_stale(self) -> bool:
        return self.lag_seconds is None or self.lag_seconds > STALE_AFTER_SECONDS

    def as_json(self) -> dict[str, Any]:
        as_of = None if self.as_of is None else self.as_of.astimezone(UTC).isoformat()
        unknown = [{**asdict(f), "last_seen_at": f.last_seen_at.isoformat()} for f in self.unknown_fields]
        return {**asdict(self), "as_of": as_of, "is_stale": self.is_stale, "unknown_fields": unknown}


def read_insights(postgres: PostgresSettings, *, limit: int = 10) -> Insights:
    """Read the answers as the role BI tools use, which sees `live` and `marts` only."""
    reader = postgres.model_copy(update={"user": "sales_reader"})
    with closing(connect(reader, application_name="saleslake-insights")) as connection:
        connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        with connection.transaction():
            return _read(connection, limit)


def _read(connection: psycopg.Connection, limit: int) -> Insights:
    with connection.cursor(row_factory=dict_row) as cursor:
        fresh = cursor.execute(FRESHNESS).fetchone() or {}
    with (
        connection.cursor(row_factory=class_row(Product)) as products,
        connection.cursor(row_factory=class_row(Trend)) as trends,
        connection.cursor(row_factory=class_row(OrderValue)) as values,
        connection.cursor(row_factory=class_row(UnknownField)) as unknown,
    ):
        return Insights(
            as_of=fresh.get("as_of"),
            lag_seconds=fresh.get("lag_seconds"),
            top_products=products.execute(TOP_PRODUCTS, {"limit": limit}).fetchall(),
            trends=trends.execute(REGION_TREND, {"minutes": TREND_MINUTES}).fetchall(),
            order_values=values.execute(AVERAGE_ORDER_VALUE).fetchall(),
            unknown_fields=unknown.execute(UNKNOWN_FIELDS, {"limit": limit}).fetchall(),
        )


def as_text(insights: Insights, *, currency: str) -> str:
    """The answers for a terminal."""
    return "\n".join(
        [
            _freshness_line(insights),
            f"\nTop products of the last hour ({currency})",
            *_product_lines(insights.top_products),
            f"\nTrend by region, orders a minute over the last {TREND_MINUTES} minutes",
            *_trend_lines(insights.trends, currency),
            f"\nAverage order value ({currency})",
            *_value_lines(insights.order_values),
            *_unknown_lines(insights.unknown_fields),
        ]
    )


def _freshness_line(insights: Insights) -> str:
    if insights.as_of is None:
        return "No order has arrived yet. Send some with `saleslake simulate`, or see `saleslake status`."
    line = f"As of {insights.as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if not insights.is_stale:
        return line
    return (
        f"{line}, {insights.lag_seconds:,.0f} seconds ago: THE STREAM STANDS STILL."
        " Newer orders are not counted; `saleslake status` shows why."
    )


def money(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02d}"


def _product_lines(products: list[Product]) -> list[str]:
    if not products:
        return ["  no order was placed in the last hour"]
    most = max(p.units for p in products)
    return [
        f"{p.rank:>4}  {printable(p.product_name):<40.40}  {printable(p.category):<10.10}"
        f"  {p.units:>7,} units  {money(p.revenue_cents):>14}  {'█' * round(16 * p.units / most)}"
        for p in products
    ]


def _trend_lines(trends: list[Trend], currency: str) -> list[str]:
    if not trends:
        return ["  no order was placed in the last hour"]
    # One scale for all, so that the regions can be compared by eye.
    most = max(max(t.orders_by_minute) for t in trends)
    return [
        f"  {t.region:<6}{sparkline(t.orders_by_minute, most)}  {t.orders:>7,} orders"
        f"  {money(t.revenue_cents):>14} {currency}"
        for t in trends
    ]


def sparkline(values: list[int], most: int) -> str:
    """One character per value; a zero is a blank, so that silence is seen."""
    return "".join(BARS[(v * len(BARS) - 1) // most] if v > 0 else " " for v in values)


def printable(text: str) -> str:
    """A text from outside as it may be shown in a terminal: control and direction characters become `?`."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _value_lines(values: list[OrderValue]) -> list[str]:
    if not values:
        return ["  no order was placed in the last day"]
    cells = {(v.period, v.region): v for v in values}
    regions = sorted({v.region for v in values})
    head = f"  {'':<15}" + "".join(f"{region:>14}" for region in [*regions, "all"])
    return [head, *(_period_line(period, name, regions, cells) for period, name in PERIODS.items())]


def _unknown_lines(unknown: list[UnknownField]) -> list[str]:
    """Nothing when there are none, as is usual."""
    if not unknown:
        return []
    return [
        "\nFields that the contract does not know, kept in silver.orders.rescued",
        *(
            f"  {printable(f.field):<40.40}  {f.orders:>7,} orders"
            f"  last seen {f.last_seen_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
            for f in unknown
        ),
    ]


def _period_line(period: str, name: str, regions: list[str], cells: dict[tuple[str, str], OrderValue]) -> str:
    there = [cells[period, region] for region in regions if (period, region) in cells]
    orders, revenue = sum(v.orders for v in there), sum(v.revenue_cents for v in there)
    texts = [
        money(cells[period, r].average_order_value_cents) if (period, r) in cells else "-" for r in regions
    ]
    texts.append(money(round(revenue / orders)) if orders else "-")
    return f"  {name:<15}" + "".join(f"{text:>14}" for text in texts)
