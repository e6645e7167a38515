"""The two answers in PostgreSQL, and how far in the topic they are: changed together or not at all."""

from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl
import psycopg
from columns import as_csv, product_answer, region_answer

SCHEMA = """
create schema if not exists answers;
create table if not exists answers.product_sales_minute (
    minute_utc timestamptz, product_id text, region text,
    units bigint not null, revenue_cents bigint not null,
    primary key (minute_utc, product_id, region)
);
create table if not exists answers.region_sales_minute (
    minute_utc timestamptz, region text, orders bigint not null, revenue_cents bigint not null,
    primary key (minute_utc, region)
);
create table if not exists answers.positions (partition int primary key, next_offset bigint not null);
create temp table new_products (minute_utc timestamptz, product_id text, region text, units bigint,
    revenue_cents bigint) on commit delete rows;
create temp table new_regions (minute_utc timestamptz, region text, orders bigint, revenue_cents bigint)
    on commit delete rows;
"""
ADD_PRODUCTS = """
insert into answers.product_sales_minute as known (minute_utc, product_id, region, units, revenue_cents)
select minute_utc, product_id, region, units, revenue_cents from new_products
on conflict (minute_utc, product_id, region) do update
set units = known.units + excluded.units, revenue_cents = known.revenue_cents + excluded.revenue_cents
"""
ADD_REGIONS = """
insert into answers.region_sales_minute as known (minute_utc, region, orders, revenue_cents)
select minute_utc, region, orders, revenue_cents from new_regions
on conflict (minute_utc, region) do update
set orders = known.orders + excluded.orders, revenue_cents = known.revenue_cents + excluded.revenue_cents
"""
MOVE = """
insert into answers.positions (partition, next_offset) values (%s, %s)
on conflict (partition) do update set next_offset = excluded.next_offset
"""


class Answers:
    """Written beside the next batch's decoding, one batch after the other."""

    def __init__(self, address: str) -> None:
        self._connection = psycopg.connect(address, autocommit=True)
        self._connection.execute(SCHEMA)
        found = self._connection.execute("select partition, next_offset from answers.positions").fetchall()
        self._positions: dict[int, int] = dict(found)
        self._beside = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def position(self, partition: int) -> int:
        return self._positions.get(partition, 0)

    def add(self, silver: pl.DataFrame, ends: dict[int, int]) -> None:
        """Once the batch before is in: add this one, and go on from its end, in one transaction."""
        self.wait()
        self._last = self._beside.submit(self._add, product_answer(silver), region_answer(silver), ends)

    def wait(self) -> None:
        """Until all that was added is committed; raises what went wrong with it."""
        if self._last:
            self._last.result()

    def _add(self, products: pl.DataFrame, regions: pl.DataFrame, ends: dict[int, int]) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for table, rows in (("new_products", products), ("new_regions", regions)):
                with cursor.copy(f"copy {table} from stdin (format csv)") as copy:
                    copy.write(as_csv(rows))
            cursor.execute(ADD_PRODUCTS)
            cursor.execute(ADD_REGIONS)
            cursor.executemany(MOVE, list(ends.items()))
        self._positions |= ends

    def close(self) -> None:
        self.wait()
        self._connection.close()
