"""Marts as large as wanted, made by PostgreSQL itself: days of orders, lines, aggregates, live tables."""

from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg

LINES_OF_AN_ORDER = 2.5
PRODUCTS: LiteralString = """
select 'P' || n, 'Product ' || n, 'Category ' || n %% 20, now() from generate_series(0, %(products)s - 1) as n
"""
# Of one day: `count` orders from number `first` on, evenly over its seconds.
OF_A_DAY: tuple[LiteralString, ...] = (
    "select marts.ensure_day(%(day)s)",
    """
    insert into marts.fct_orders
    select %(day)s, date_trunc('hour', at), 'o-' || to_hex(n * 2654435761 %% 4294967296), at,
        'c-' || n %% 100000, region, 'DE', channel, 'card', 'USD', 2 + n %% 2, 4, 5000 + n %% 9000, 500, 300,
        5800 + n %% 9000, n %% 50 = 0, 'orders.v1', n %% 4, n, n / 1000
    from (
        select n, (array['AMER', 'EMEA', 'APAC', 'LATAM'])[1 + n %% 4] as region,
            (array['web', 'mobile', 'store', 'marketplace'])[1 + n / 4 %% 4] as channel,
            %(day)s::date::timestamp at time zone 'UTC'
            + 86399.0 * (n - %(first)s) / %(count)s * interval '1 second' as at
        from generate_series(%(first)s::bigint, %(first)s::bigint + %(count)s - 1) as n
    ) as made
    """,
    """
    insert into marts.fct_order_lines
    select date_utc, hour_utc, order_id, line, ordered_at, region,
        -- A tenth of the products has half of the lines.
        'P' || floor(%(products)s * power((kafka_offset * 7919 + line * 104729) %% 10007 / 10007.0, 3.3)), 2,
        1000 + kafka_offset %% 5000, 0,
        2 * (1000 + kafka_offset %% 5000)
    from marts.fct_orders, generate_series(1, line_count) as line where date_utc = %(day)s
    """,
    """
    insert into marts.product_sales_hourly
    select hour_utc, product_id, region, count(distinct order_id), sum(quantity), sum(revenue_cents),
        now(), 1, 1, false
    from marts.fct_order_lines where date_utc = %(day)s group by 1, 2, 3
    """,
    """
    insert into marts.region_sales_hourly
    select hour_utc, region, count(*), sum(total_cents), now(), 1, 1, false
    from marts.fct_orders where date_utc = %(day)s group by 1, 2
    """,
    """
    insert into marts.order_value_hourly
    select hour_utc, region, channel, count(*), sum(total_cents), avg(total_cents), now(), 1, 1, false
    from marts.fct_orders where date_utc = %(day)s group by 1, 2, 3
    """,
    """
    insert into marts.publications
    select mart, hour_utc, version, now(), '{}', 1, 1, 1, 'h', 1, 'r', now()
    from (select distinct hour_utc from marts.region_sales_hourly where hour_utc >= %(day)s) as hours,
        generate_series(1, 4) as version,
        unnest(array['fct_orders', 'fct_order_lines', 'product_sales_hourly', 'region_sales_hourly',
            'order_value_hourly']) as mart
    on conflict do nothing
    """,
)
LIVE: tuple[LiteralString, ...] = (
    "insert into live.products" + PRODUCTS,
    """
    insert into live.product_sales_minute
    select date_trunc('minute', ordered_at), product_id, region, count(*), sum(quantity), sum(revenue_cents)
    from marts.fct_order_lines where date_utc >= %(since)s group by 1, 2, 3
    """,
    """
    insert into live.order_value_minute
    select date_trunc('minute', ordered_at), region, channel, count(*), sum(total_cents)
    from marts.fct_orders where date_utc >= %(since)s group by 1, 2, 3
    """,
)


def fill(connection: psycopg.Connection, lines: int, days: int, products: int) -> None:
    """
    Days up to today, whole; the live tables have the last two. `connection` is a superuser's. Foreign keys
    hold by how the rows are made: they are not checked.
    """
    connection.execute("set session_replication_role = replica")
    binds: dict[str, Any] = {"products": products}
    connection.execute("insert into marts.dim_product" + PRODUCTS, binds)
    count = round(lines / LINES_OF_AN_ORDER / days)
    today = datetime.now(UTC).date()
    for number in range(days):
        day = today - timedelta(days=days - 1 - number)
        for statement in OF_A_DAY:
            connection.execute(statement, {**binds, "day": day, "first": number * count, "count": count})
    for statement in LIVE:
        connection.execute(statement, {**binds, "since": today - timedelta(days=1)})
    connection.execute("vacuum analyze")
