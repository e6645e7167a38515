"""Marts of a few hours, as the publisher leaves them, without a lake: for tests of what reads them."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg

CHANNELS = ("web", "mobile", "store", "marketplace")
REGIONS = ("AMER", "EMEA", "APAC", "LATAM")
PAYMENTS = ("card", "paypal", "transfer", "gift_card", "cash")
# Two products of one name: who groups by the name gets other numbers.
PRODUCTS = [(f"P{n:03}", "Teapot" if n < 2 else f"Product {n}", f"Category {n % 4}") for n in range(30)]

ORDER = """
insert into marts.fct_orders values (
    (%(ordered_at)s at time zone 'UTC')::date, date_trunc('hour', %(ordered_at)s), %(order_id)s,
    %(ordered_at)s, 'C1', %(region)s, 'DE', %(channel)s, %(payment)s, 'USD', %(line_count)s, %(units)s,
    %(goods)s, %(shipping)s, %(tax)s, %(goods)s::bigint + %(shipping)s + %(tax)s, %(is_late)s,
    'orders.v1', 0, %(offset)s, 7
)
"""
LINE = """
insert into marts.fct_order_lines values ((%(ordered_at)s at time zone 'UTC')::date,
    date_trunc('hour', %(ordered_at)s), %(order_id)s, %(line_no)s, %(ordered_at)s, %(region)s, %(product)s,
    %(quantity)s, %(price)s, %(discount)s, %(quantity)s::bigint * %(price)s - %(discount)s)
"""
# One is on the price list and nobody buys it.
SOLD = PRODUCTS[:-1]
# The last hour is open; the first was restated.
SAID: LiteralString = """
now() as as_of, case when hour_utc = %(last)s then 0.4 else 1 end as completeness,
case when hour_utc = %(first)s then 2 else 1 end as version, hour_utc = %(first)s as is_restated
"""
AGGREGATES: tuple[LiteralString, ...] = (
    "insert into marts.product_sales_hourly select hour_utc, product_id, region, count(distinct order_id),"
    " sum(quantity), sum(revenue_cents), " + SAID + " from marts.fct_order_lines group by 1, 2, 3",
    "insert into marts.region_sales_hourly select hour_utc, region, count(*), sum(total_cents), " + SAID
    + " from marts.fct_orders group by 1, 2",
    "insert into marts.order_value_hourly select hour_utc, region, channel, count(*), sum(total_cents),"
    " round(sum(total_cents) / count(*)), " + SAID + " from marts.fct_orders group by 1, 2, 3",
)  # fmt: skip
PUBLICATIONS: tuple[LiteralString, ...] = tuple(
    "insert into marts.publications (mart, hour_utc, version, as_of, source_versions, row_count,"
    " amount_cents, completeness, content_hash, batch_id, run_id)"
    " select '" + mart + "', hour_utc, v, now(), '{}', count(*), sum(revenue_cents), min(completeness), 'h',"
    " 7, 'run' from marts." + mart + ", generate_series(1, version) as v group by hour_utc, v"
    for mart in ("product_sales_hourly", "region_sales_hourly", "order_value_hourly")
)  # fmt: skip
RESTATEMENT = """
insert into marts.restatements
    (mart, hour_utc, version, row_key, measure, old_value, new_value, reason, run_id)
select mart, %(first)s, 2, '{"region": "EMEA", "channel": "web"}', 'revenue_cents', 100, 250, 'late', 'run'
from unnest(array['order_value_hourly', 'region_sales_hourly']) as mart
"""
TABLES = (
    "fct_order_lines, marts.fct_orders, marts.product_sales_hourly, marts.region_sales_hourly,"
    " marts.order_value_hourly, marts.publications, marts.restatements, marts.dim_product"
)  # fmt: skip


def fill(
    superuser: psycopg.Connection, *, end: datetime | None = None, hours: int = 5, orders: int = 200
) -> None:
    """
    Replace what the marts hold: `orders` of `hours` hours before `end`, the hour after now unless given.

    The last hour is provisional, the first was restated once.
    """
    end = end or datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    first = end - timedelta(hours=hours)
    with superuser.transaction(), superuser.cursor() as cursor:
        cursor.execute(f"truncate marts.{TABLES} cascade")  # type: ignore[arg-type]
        cursor.executemany("insert into marts.dim_product values (%s, %s, %s, now())", PRODUCTS)
        for day in {(first + timedelta(hours=hour)).date() for hour in range(hours)}:
            cursor.execute("select marts.ensure_day(%s)", [day])
        for order, lines in sold(first, hours, orders):
            cursor.execute(ORDER, order)
            cursor.executemany(LINE, lines)
        binds = {"first": first, "last": end - timedelta(hours=1)}
        for statement in AGGREGATES:
            cursor.execute(statement, binds)
        for statement in PUBLICATIONS:
            cursor.execute(statement)
        cursor.execute(RESTATEMENT, binds)


def sold(first: datetime, hours: int, orders: int) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each order and its lines, the same at every call."""
    chance = random.Random(7)  # noqa: S311
    for number in range(orders):
        at = first + timedelta(seconds=chance.randrange(hours * 3_600))
        common = {"order_id": f"O{number:05}", "ordered_at": at, "region": chance.choice(REGIONS)}
        lines = [
            {**common, "line_no": line + 1, "product": chance.choice(SOLD)[0],
             "quantity": chance.randint(1, 5), "price": chance.randint(1, 9_999),
             "discount": chance.randint(0, 1)}
            for line in range(chance.randint(1, 3))
        ]  # fmt: skip
        goods = sum(line["quantity"] * line["price"] - line["discount"] for line in lines)
        yield {
            **common, "channel": chance.choice(CHANNELS), "payment": chance.choice(PAYMENTS),
            "line_count": len(lines), "units": sum(line["quantity"] for line in lines), "goods": goods,
            "shipping": chance.randint(0, 999), "tax": goods // 10, "is_late": number % 20 == 0,
            "offset": number,
        }, lines  # fmt: skip
