"""What PostgreSQL says at one moment: ledger, live view and marts, read in one repeatable-read snapshot."""

from dataclasses import dataclass, field

import psycopg
import pyarrow as pa

from include.reconcile.sums import empty, table_of

LEDGER = """
select batch_id, partition, start_offset, end_offset, read_rows, silver_rows, duplicate_rows, quarantined_rows
from ops.ledger order by partition, start_offset
"""
LOSSES = """
select partition, start_offset, end_offset from ops.accepted_losses order by partition, start_offset
"""
LEDGER_CENTS = """
select coalesce(sum(silver_cents), 0)::text, coalesce(sum(duplicate_cents), 0)::text,
       coalesce(sum(quarantined_cents), 0)::text
from ops.ledger
"""
LIVE_AND_HOURS = {
    "ops.hour_ledger": """
        select extract(epoch from hour_utc)::bigint as hour_utc, orders, revenue_cents
        from ops.hour_ledger""",
    "live.order_value_minute": """
        select extract(epoch from date_trunc('hour', minute_utc, 'UTC'))::bigint as hour_utc, region, channel,
               sum(orders)::bigint as orders, sum(revenue_cents)::bigint as revenue_cents
        from live.order_value_minute group by 1, 2, 3""",
    "live.product_sales_minute": """
        select extract(epoch from date_trunc('hour', minute_utc, 'UTC'))::bigint as hour_utc, region,
               product_id, sum(orders)::bigint as orders, sum(units)::bigint as units,
               sum(revenue_cents)::bigint as revenue_cents
        from live.product_sales_minute group by 1, 2, 3""",
}
MARTS = {
    "region_sales_hourly": """
        select extract(epoch from hour_utc)::bigint as hour_utc, region, orders, revenue_cents
        from marts.region_sales_hourly""",
    "order_value_hourly": """
        select extract(epoch from hour_utc)::bigint as hour_utc, region, channel, orders, revenue_cents
        from marts.order_value_hourly""",
    "product_sales_hourly": """
        select extract(epoch from hour_utc)::bigint as hour_utc, region, product_id, orders, units,
               revenue_cents
        from marts.product_sales_hourly""",
    "fct_orders": """
        select extract(epoch from hour_utc)::bigint as hour_utc, region, channel, count(*) as orders,
               sum(total_cents)::bigint as revenue_cents
        from marts.fct_orders group by 1, 2, 3""",
    "fct_order_lines": """
        select extract(epoch from hour_utc)::bigint as hour_utc, region, product_id,
               count(distinct order_id) as orders, sum(quantity)::bigint as units,
               sum(revenue_cents)::bigint as revenue_cents
        from marts.fct_order_lines group by 1, 2, 3""",
}
PUBLICATIONS = """
select mart, extract(epoch from hour_utc)::bigint as hour_utc,
       (source_versions ->> 'batch_id')::bigint as batch_id
from (
    select distinct on (mart, hour_utc) mart, hour_utc, source_versions
    from marts.publications order by mart, hour_utc, version desc
) as latest
"""
REPEATED_IN_MARTS = """
select order_id from marts.fct_orders group by order_id having count(*) > 1 order by order_id limit 10
"""


@dataclass(frozen=True, slots=True)
class DatabaseCut:
    """PostgreSQL's numbers in one snapshot. `batch_id` is the last closed batch, None before the first."""

    batch_id: int | None
    ledger: pa.Table
    ledger_cents: tuple[int, int, int]  # silver, duplicate, quarantined; claims may exceed 64 bits together
    sums: dict[str, pa.Table]
    losses: pa.Table = field(default_factory=lambda: empty(["partition", "start_offset", "end_offset"]))
    marts: dict[str, pa.Table] = field(default_factory=dict)
    publications: pa.Table | None = None  # None: schema marts is not there yet
    repeated_orders: tuple[str, ...] = ()


def read_database(connection: psycopg.Connection) -> DatabaseCut:
    """Read everything in one snapshot."""
    connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
    connection.set_read_only(True)
    with connection.transaction():
        ledger = _table(connection, LEDGER)
        batches = ledger["batch_id"].to_pylist()
        cents = connection.execute(LEDGER_CENTS).fetchone() or ("0", "0", "0")
        marts_there = _scalar(connection, "select to_regclass('marts.publications') is not null")
        return DatabaseCut(
            batch_id=max(batches) if batches else None,
            ledger=ledger,
            ledger_cents=(int(cents[0]), int(cents[1]), int(cents[2])),
            losses=_table(connection, LOSSES),
            sums={name: _table(connection, query) for name, query in LIVE_AND_HOURS.items()},
            marts={name: _table(connection, query) for name, query in MARTS.items()} if marts_there else {},
            publications=_table(connection, PUBLICATIONS) if marts_there else None,
            repeated_orders=_repeated(connection) if marts_there else (),
        )


def ledger_ends(connection: psycopg.Connection) -> dict[int, int]:
    """First offset of each partition that the ledger does not cover yet."""
    rows = connection.execute(
        "select partition, max(end_offset) from (select partition, end_offset from ops.ledger"
        " union all select partition, end_offset from ops.accepted_losses) as ranges group by partition"
    ).fetchall()
    return dict(rows)


def _repeated(connection: psycopg.Connection) -> tuple[str, ...]:
    return tuple(row[0] for row in connection.execute(REPEATED_IN_MARTS).fetchall())


def _scalar(connection: psycopg.Connection, query: str) -> bool:
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def _table(connection: psycopg.Connection, query: str) -> pa.Table:
    cursor = connection.execute(query)
    return table_of(cursor.fetchall(), [column.name for column in cursor.description or ()])
