"""
A small lake made without Spark: simulated records, judged by plain Python, written as Delta tables.

It decides what becomes of a record its own way, so that the reconciliation is not compared with itself.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from include.reconcile.database import DatabaseCut
from include.reconcile.sums import table_of
from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
    Table,
)
from simulator.manifest import Ack, Manifest
from simulator.orders import Event, OrderFactory
from simulator.traffic import Shares, Traffic

TOPIC = "orders.v1"
START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
BATCH_ROWS, PARTITIONS = 100, 4
MANY_FAULTS = Shares(duplicates=0.1, late=0.05, bad=0.3, conflicts=0.05)

INSTANT = pa.timestamp("us", "UTC")
LINE = pa.struct(
    [("line_no", pa.int32()), ("product_id", pa.string()), ("product_name", pa.string()), ("category", pa.string()),
     ("quantity", pa.int32()), ("unit_price_cents", pa.int64()), ("discount_cents", pa.int64())]
)  # fmt: skip
POSITION = [("partition", pa.int32()), ("offset", pa.int64()), ("batch_id", pa.int64())]
HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
SCHEMAS = {
    BRONZE_ORDERS: pa.schema([*POSITION, ("headers", HEADERS)]),
    SILVER_ORDERS: pa.schema(
        [*POSITION, ("order_id", pa.string()), ("ordered_at", INSTANT), ("region", pa.string()),
         ("channel", pa.string()), ("lines", pa.list_(LINE)), ("total_cents", pa.int64())]
    ),
    SILVER_REJECTED: pa.schema(
        [*POSITION, ("disposition", pa.string()), ("reasons", pa.list_(pa.string())),
         ("order_id", pa.string()), ("amount_cents", pa.int64())]
    ),
    GOLD_ORDER_VALUE_MINUTE: pa.schema(
        [("minute_utc", INSTANT), ("region", pa.string()), ("channel", pa.string()), ("orders", pa.int64()),
         ("revenue_cents", pa.int64()), ("batch_id", pa.int64())]
    ),
    GOLD_PRODUCT_SALES_MINUTE: pa.schema(
        [("minute_utc", INSTANT), ("region", pa.string()), ("product_id", pa.string()), ("orders", pa.int64()),
         ("units", pa.int64()), ("revenue_cents", pa.int64()), ("batch_id", pa.int64())]
    ),
}  # fmt: skip


@dataclass
class SmallLake:
    """Rows of every table, to be damaged by a test and then written."""

    rows: dict[Table, list[dict[str, Any]]] = field(default_factory=lambda: {table: [] for table in SCHEMAS})

    def write(self, root: Path) -> None:
        for table, rows in self.rows.items():
            table.path(root).parent.mkdir(parents=True, exist_ok=True)
            write_deltalake(table.path(root), pa.Table.from_pylist(rows, SCHEMAS[table]), mode="overwrite")

    @property
    def last_batch(self) -> int:
        return max(row["batch_id"] for row in self.rows[BRONZE_ORDERS])


def some_events(count: int = 600, *, seed: int = 11, shares: Shares = MANY_FAULTS) -> list[Event]:
    """Orders of an hour and a half, broken in every way."""
    start_ms = int(START.timestamp() * 1_000)
    traffic = Traffic(OrderFactory(seed), seed, shares, clock=lambda: START)
    return traffic.next(start_ms + np.arange(count) * (5_400_000 // count))


def note_down(path: Path, events: list[Event], run_id: str = "run1") -> None:
    """Write the events to a manifest, all acknowledged at the positions `lay_out` gives them."""
    manifest = Manifest(path, run_id)
    manifest.start(TOPIC, 11, {})
    manifest.expect(events)
    manifest.acknowledge(Ack(e.seq, "ok", p, o) for e, (p, o, _) in zip(events, lay_out(events), strict=True))
    manifest.finish()


def lay_out(events: list[Event]) -> list[tuple[int, int, int]]:
    """Partition, offset and batch of each event: the same order always in the same partition."""
    ends: Counter[int] = Counter()
    places = []
    for number, event in enumerate(events):
        partition = sum(event.order_id.encode()) % PARTITIONS
        places.append((partition, ends[partition], number // BATCH_ROWS))
        ends[partition] += 1
    return places


def lake_of(events: list[Event], run_id: str = "run1") -> SmallLake:
    """The lake that a right writer makes of the events."""
    lake, accepted = SmallLake(), dict[str, dict[str, Any]]()
    for event, (partition, offset, batch_id) in zip(events, lay_out(events), strict=True):
        position = {"partition": partition, "offset": offset, "batch_id": batch_id}
        header = {"key": "saleslake-event", "value": f"{run_id}:{event.seq}".encode()}
        lake.rows[BRONZE_ORDERS].append({**position, "headers": [header]})
        reasons = list(event.reasons)
        order = {} if reasons else {k: v for k, v in json.loads(event.payload or b"").items() if k != "event_id"}
        if not reasons and accepted.setdefault(event.order_id, order) is order:
            lake.rows[SILVER_ORDERS].append(
                {**position, **order, "ordered_at": datetime.fromisoformat(order["ordered_at"])}
            )
            continue
        is_same = not reasons and accepted[event.order_id] == order
        lake.rows[SILVER_REJECTED].append(
            {
                **position,
                "disposition": "duplicate" if is_same else "quarantined",
                "reasons": reasons or ([] if is_same else ["order_conflict"]),
                "order_id": event.order_id,
                "amount_cents": event.total_cents,
            }
        )
    add_gold(lake)
    return lake


def add_gold(lake: SmallLake) -> None:
    orders: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    products: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in lake.rows[SILVER_ORDERS]:
        minute = row["ordered_at"].astimezone(UTC).replace(second=0, microsecond=0)
        value = orders[minute, row["region"], row["channel"], row["batch_id"]]
        value[0] += 1
        value[1] += row["total_cents"]
        for product_id in {line["product_id"] for line in row["lines"]}:
            products[minute, row["region"], product_id, row["batch_id"]][0] += 1
        for line in row["lines"]:
            sales = products[minute, row["region"], line["product_id"], row["batch_id"]]
            sales[1] += line["quantity"]
            sales[2] += line["quantity"] * line["unit_price_cents"] - line["discount_cents"]
    for (minute, region, channel, batch_id), (count, cents) in orders.items():
        lake.rows[GOLD_ORDER_VALUE_MINUTE].append(
            {"minute_utc": minute, "region": region, "channel": channel, "orders": count, "revenue_cents": cents,
             "batch_id": batch_id}
        )  # fmt: skip
    for (minute, region, product_id, batch_id), (count, units, cents) in products.items():
        lake.rows[GOLD_PRODUCT_SALES_MINUTE].append(
            {"minute_utc": minute, "region": region, "product_id": product_id, "orders": count, "units": units,
             "revenue_cents": cents, "batch_id": batch_id}
        )  # fmt: skip


def hour_seconds(instant: datetime) -> int:
    return int(instant.timestamp()) // 3_600 * 3_600


def database_of(lake: SmallLake) -> DatabaseCut:
    """What PostgreSQL holds when the stream has closed every batch and every hour is published."""
    order_rows, product_rows = _hourly(lake)
    by_hour: Counter[int] = Counter()
    cents_by_hour: Counter[int] = Counter()
    for (hour, _, _), (count, cents) in order_rows.items():
        by_hour[hour] += count
        cents_by_hour[hour] += cents
    orders = table_of([(*k, *v) for k, v in order_rows.items()], ["hour_utc", "region", "channel", "orders", "revenue_cents"])
    products = table_of(
        [(*k, *v) for k, v in product_rows.items()],
        ["hour_utc", "region", "product_id", "orders", "units", "revenue_cents"],
    )
    by_region: defaultdict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
    for (hour, region, _), (count, cents) in order_rows.items():
        by_region[hour, region][0] += count
        by_region[hour, region][1] += cents
    hours = table_of([(h, by_hour[h], cents_by_hour[h]) for h in by_hour], ["hour_utc", "orders", "revenue_cents"])
    regions = table_of([(*k, *v) for k, v in by_region.items()], ["hour_utc", "region", "orders", "revenue_cents"])
    marts = {"fct_orders": orders, "order_value_hourly": orders, "region_sales_hourly": regions,
             "fct_order_lines": products, "product_sales_hourly": products}  # fmt: skip
    return DatabaseCut(
        batch_id=lake.last_batch,
        ledger=_ledger(lake),
        ledger_cents=_ledger_cents(lake),
        sums={"ops.hour_ledger": hours, "live.order_value_minute": orders, "live.product_sales_minute": products},
        marts=marts,
        publications=table_of(
            [(mart, hour, lake.last_batch) for mart in marts for hour in by_hour], ["mart", "hour_utc", "batch_id"]
        ),
    )


def _hourly(lake: SmallLake) -> tuple[dict[Any, list[int]], dict[Any, list[int]]]:
    orders: defaultdict[Any, list[int]] = defaultdict(lambda: [0, 0])
    products: defaultdict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in lake.rows[GOLD_ORDER_VALUE_MINUTE]:
        sums = orders[hour_seconds(row["minute_utc"]), row["region"], row["channel"]]
        sums[0] += row["orders"]
        sums[1] += row["revenue_cents"]
    for row in lake.rows[GOLD_PRODUCT_SALES_MINUTE]:
        sums = products[hour_seconds(row["minute_utc"]), row["region"], row["product_id"]]
        for place, name in enumerate(("orders", "units", "revenue_cents")):
            sums[place] += row[name]
    return orders, products


def _ledger(lake: SmallLake) -> pa.Table:
    rows: defaultdict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    offsets: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for table, rows_of_table in lake.rows.items():
        if "offset" not in SCHEMAS[table].names:
            continue
        for row in rows_of_table:
            key = (row["batch_id"], row["partition"])
            rows[key][row.get("disposition", table.layer)] += 1
            if table is BRONZE_ORDERS:
                offsets[key].append(row["offset"])
    return table_of(
        [(*key, min(offsets[key]), max(offsets[key]) + 1, n["bronze"], n["silver"], n["duplicate"], n["quarantined"])
         for key, n in sorted(rows.items(), key=lambda item: (item[0][1], item[0][0]))],
        ["batch_id", "partition", "start_offset", "end_offset", "read_rows", "silver_rows", "duplicate_rows",
         "quarantined_rows"],
    )  # fmt: skip


def _ledger_cents(lake: SmallLake) -> tuple[int, int, int]:
    cents: Counter[str] = Counter()
    for row in lake.rows[SILVER_REJECTED]:
        cents[row["disposition"]] += row["amount_cents"]
    silver = sum(row["total_cents"] for row in lake.rows[SILVER_ORDERS])
    return silver, cents["duplicate"], cents["quarantined"]


def one_hour_later(instant: datetime) -> datetime:
    return instant + timedelta(hours=1)
