"""
A past for a lake, made quickly: orders that silver, the order index, `live.*` and the marts already hold, and
commits that the tables' logs already have. Made from orders that the lake writer wrote, under other names.
"""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from lake.reading import delta_table
from lake.tables import SILVER_ORDERS, TABLES, Table
from spark.streaming.arrow_commit import commit_arrow
from spark.streaming.batch_records import arrow_schema
from spark.streaming.delta_log import TABLE_PROPERTIES, statistics_of
from spark.streaming.order_index import AcceptedOrder, OrderIndex

# Transactions of another application: the writer's own numbers go on as if nothing had been there.
APP_ID, MODEL_ID = "history:past", "history:model"
ORDERS_OF_A_DAY = 1_000_000
ORDERS_OF_A_FILE = 250_000
INDEXED_AT_ONCE = 50_000
ROWS_OF_A_FILE = 20
TIMES = ("ordered_at", "minute_utc", "kafka_timestamp")
# An odd number: multiplied by it, numbers below 2^64 are scattered, and no two fall together.
SCATTER = np.uint64(0x9E3779B97F4A7C15)
SECONDS_BETWEEN = 2.0
CHECKPOINT_INTERVAL = int(TABLE_PROPERTIES["delta.checkpointInterval"])

LIVE = """
insert into live.product_sales_minute (minute_utc, product_id, region, orders, units, revenue_cents)
select %(day)s::timestamptz + minute * interval '1 minute', 'H-' || product, region, 1, 2, 2000
from generate_series(0, 1439) as minute, generate_series(1, %(products)s) as product,
    unnest(array['AMER', 'EMEA', 'APAC', 'LATAM']) as region
on conflict do nothing
"""
MARTS = """
insert into marts.fct_orders
select %(day)s::date, date_trunc('hour', at), 'h-' || %(first)s + number, at, 'c-' || number %% 50000,
    'EMEA', 'DE', 'web', 'card', 'USD', 2, 3, 9000, 500, 500, 10000, false,
    'orders.v1', 0, %(first)s + number, 0
from generate_series(0, %(count)s - 1) as number,
    lateral (
        select (%(day)s::timestamp at time zone 'UTC') + number * interval '86 milliseconds' as at
    ) as times
"""


def grow_silver(root: Path, index: OrderIndex, orders: int, *, first: int, before: date) -> None:
    """
    Silver and the index hold `orders` more, a million a day, on the days before `before`.

    Args:
        first: how many of them there are already.
    """
    template = _template(root)
    applied = index.applied()
    if applied is None:
        raise RuntimeError("Giving the lake a past: the order index is empty; let the writer write first")
    generation, batch_id = applied
    for start in range(first, first + orders, ORDERS_OF_A_FILE):
        count = min(ORDERS_OF_A_FILE, first + orders - start)
        rows = _repeated(template, start, count, day_of(start, before))
        held = delta_table(SILVER_ORDERS, root)
        commit_arrow(
            held, rows, SILVER_ORDERS, statistics=statistics_of(SILVER_ORDERS), app_id=APP_ID, batch_id=start
        )
        for part in _entries(rows):
            index.add(part, generation=generation, batch_id=batch_id)


def day_of(number: int, before: date) -> date:
    return before - timedelta(days=1 + number // ORDERS_OF_A_DAY)


def _template(root: Path) -> pa.Table:
    """Orders that the writer has written."""
    dataset = delta_table(SILVER_ORDERS, root).to_pyarrow_dataset()
    return _declared(dataset.filter(ds.field("batch_id") < 10).head(20_000), SILVER_ORDERS)


def _declared(rows: pa.Table, table: Table) -> pa.Table:
    """As the table declares them; of fields that the contract does not know, without any."""
    declared = arrow_schema(table)
    if "rescued" in declared.names:
        variant = declared.field("rescued").type
        parts = [pa.array([b""] * rows.num_rows, pa.binary()) for _ in variant]
        nothing = pa.array([True] * rows.num_rows)
        empty = pa.StructArray.from_arrays(parts, fields=list(variant), mask=nothing)
        rows = rows.drop_columns(["rescued"]).append_column("rescued", empty)
    return rows.select(declared.names).cast(declared)


def _repeated(template: pa.Table, start: int, count: int, day: date) -> pa.Table:
    numbers = np.arange(start, start + count, dtype=np.uint64)
    rows = template.take(pa.array(numbers % template.num_rows))
    names = [f"h-{number:016x}" for number in numbers * SCATTER]
    moments = np.linspace(0, 86_399_000_000, count).astype(np.int64)
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1e6)
    new = {
        "order_id": pa.array(names),
        "ordered_at": pa.array(moments + midnight).cast(pa.timestamp("us", "UTC")),
        "batch_id": pa.repeat(pa.scalar(0, pa.int64()), count),
        "date_utc": pa.repeat(pa.scalar(day), count),
    }
    for name, values in new.items():
        rows = rows.set_column(rows.column_names.index(name), rows.schema.field(name), values)
    return rows.combine_chunks()


def _entries(rows: pa.Table) -> Iterator[list[AcceptedOrder]]:
    columns = [rows[name].to_pylist() for name in ("order_id", "order_hash", "partition", "offset")]
    every = [AcceptedOrder(o, bytes.fromhex(h), p, n) for o, h, p, n in zip(*columns, strict=True)]
    for start in range(0, len(every), INDEXED_AT_ONCE):
        yield every[start : start + INDEXED_AT_ONCE]


def grow_database(
    connection: psycopg.Connection, orders: int, *, first: int, before: date, products: int
) -> None:
    """`live.product_sales_minute` has every minute of those days, `marts.fct_orders` their orders."""
    for start in range(first, first + orders, ORDERS_OF_A_DAY):
        day, count = day_of(start, before), min(ORDERS_OF_A_DAY, first + orders - start)
        connection.execute("select marts.ensure_day(%s)", [day])
        connection.execute(LIVE, {"day": day, "products": products})
        connection.execute(MARTS, {"day": day, "first": start, "count": count})
    connection.execute("analyze live.product_sales_minute")
    connection.execute("analyze marts.fct_orders")


def add_commits(root: Path, count: int, *, day: date) -> None:
    """
    Every table that has rows gets so many commits more, each with one small file, and a checkpoint after each
    hundred, as the writer makes them. The files are one file under many names, of rows of `day`.
    """
    for table in TABLES:
        _commits(table, root, count, day)


def _commits(table: Table, root: Path, count: int, day: date) -> None:
    folder = table.path(root)
    held = DeltaTable(str(folder))
    model = _model(held, table, day)
    if model is None:
        return
    began, last = time.time(), held.version() + count
    before_all = began - count * SECONDS_BETWEEN
    for earlier in (folder / "_delta_log").glob("[0-9]*"):
        os.utime(earlier, (before_all, before_all))
    for version in range(held.version() + 1, last + 1):
        path = f"{Path(model['path']).parent}/past-{version:012}.parquet"
        os.link(folder / model["path"], folder / path)
        add = {**model, "path": path, "modificationTime": time.time_ns() // 1_000_000}
        info = {"timestamp": time.time_ns() // 1_000_000, "operation": "WRITE"}
        actions = [{"commitInfo": info}, {"txn": {"appId": APP_ID, "version": version}}, {"add": add}]
        lines = "".join(f"{json.dumps(action)}\n" for action in actions)
        log = folder / "_delta_log" / f"{version:020}.json"
        log.write_text(lines)
        # As old as if a batch had come every two seconds.
        moment = began - (last - version) * SECONDS_BETWEEN
        os.utime(log, (moment, moment))
        if version % CHECKPOINT_INTERVAL == 0:
            held.update_incremental()
            held.create_checkpoint()
            os.utime(log.with_suffix(".checkpoint.parquet"), (moment, moment))
    # As the writer's own commit does it with a checkpoint.
    held.update_incremental()
    held.cleanup_metadata()


def _model(held: DeltaTable, table: Table, day: date) -> dict[str, Any] | None:
    """A small file of the table's own rows, moved to `day`; it is committed. None of an empty table."""
    rows = held.to_pyarrow_dataset().head(ROWS_OF_A_FILE)
    if not rows.num_rows:
        return None
    rows = _declared(rows, table)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    moved: dict[str, Any] = {"date_utc": day} | {name: noon for name in TIMES if name in rows.column_names}
    for name, value in moved.items():
        field = rows.schema.field(name)
        column = pa.repeat(pa.scalar(value, field.type), rows.num_rows)
        rows = rows.set_column(rows.column_names.index(name), field, column)
    number = held.version() + 1
    commit_arrow(held, rows, table, statistics=statistics_of(table), app_id=MODEL_ID, batch_id=number)
    held.update_incremental()
    log = Path(held.table_uri.removeprefix("file://")) / "_delta_log" / f"{held.version():020}.json"
    actions = map(json.loads, log.read_text().splitlines())
    return dict(next(action["add"] for action in actions if "add" in action))
