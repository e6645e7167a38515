"""Totals by partition of the topic in PostgreSQL; the answers are views that add the partitions up."""

from typing import Any

import psycopg
from quixstreams.sinks.base import BaseSink

SCHEMA = """
create schema if not exists answers;
create table if not exists answers.product_totals (
    minute_utc bigint, product_id text, region text, partition int, units bigint, revenue_cents bigint,
    primary key (minute_utc, product_id, region, partition)
);
create table if not exists answers.region_totals (
    minute_utc bigint, region text, partition int, orders bigint, revenue_cents bigint,
    primary key (minute_utc, region, partition)
);
create or replace view answers.product_sales_minute as
    select to_timestamp(minute_utc) as minute_utc, product_id, region, sum(units)::bigint as units,
           sum(revenue_cents)::bigint as revenue_cents
    from answers.product_totals group by minute_utc, product_id, region;
create or replace view answers.region_sales_minute as
    select to_timestamp(minute_utc) as minute_utc, region, sum(orders)::bigint as orders,
           sum(revenue_cents)::bigint as revenue_cents
    from answers.region_totals group by minute_utc, region;
create temp table new_products (like answers.product_totals) on commit delete rows;
create temp table new_regions (like answers.region_totals) on commit delete rows;
"""
COPY_PRODUCTS = (
    "copy new_products (minute_utc, product_id, region, partition, units, revenue_cents) from stdin"
)
COPY_REGIONS = "copy new_regions (minute_utc, region, partition, orders, revenue_cents) from stdin"
UPSERT_PRODUCTS = """
insert into answers.product_totals select * from new_products
on conflict (minute_utc, product_id, region, partition) do update
set units = excluded.units, revenue_cents = excluded.revenue_cents
"""
UPSERT_REGIONS = """
insert into answers.region_totals select * from new_regions
on conflict (minute_utc, region, partition) do update
set orders = excluded.orders, revenue_cents = excluded.revenue_cents
"""


class Totals(BaseSink):  # type: ignore[misc]
    """Keeps the latest total of each key until a checkpoint asks for them. Twice writes the same."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._latest: dict[tuple[str, int], tuple[int, int]] = {}

    def setup(self) -> None:
        self._connection = psycopg.connect(self._address, autocommit=True)
        self._connection.execute(SCHEMA)

    def add(
        self,
        value: list[tuple[str, int, int]],
        key: Any,
        timestamp: int,
        headers: Any,
        topic: str,
        partition: int,
        offset: int,
    ) -> None:
        for name, count, revenue in value:
            self._latest[name, partition] = count, revenue

    def flush(self) -> None:
        if not self._latest:
            return
        rows = [
            (name.count("\t"), f"{name}\t{partition}\t{count}\t{revenue}\n")
            for (name, partition), (count, revenue) in sorted(self._latest.items())
        ]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for tabs, copy_in, upsert in (
                (2, COPY_PRODUCTS, UPSERT_PRODUCTS),
                (1, COPY_REGIONS, UPSERT_REGIONS),
            ):
                with cursor.copy(copy_in) as copy:
                    copy.write("".join(line for found, line in rows if found == tabs))
                cursor.execute(upsert)
        self._latest.clear()

    def on_paused(self) -> None:
        self._latest.clear()
