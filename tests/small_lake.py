"""
A small lake made without Spark: simulated records, judged by plain Python, written as Delta tables.

It decides what becomes of a record its own way, so that the reconciliation is not compared with itself.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

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
    [("line_no", pa.int32()), ("product_id", pa.string()), ("product_name", pa.string()),
     ("category", pa.string()), ("quantity", pa.int32()), ("unit_price_cents", pa.int64()),
     ("discount_cents", pa.int64())]
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
        [("minute_utc", INSTANT), ("region", pa.string()), ("product_id", pa.string()),
         ("orders", pa.int64()), ("units", pa.int64()), ("revenue_cents", pa.int64()),
         ("batch_id", pa.int64())]
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


@cache
def _factory(seed: int) -> OrderFactory:
    return OrderFactory(seed)


def some_events(count: int = 600, *, seed: int = 11, shares: Shares = MANY_FAULTS) -> list[Event]:
    """Orders of an hour and a half, broken in every way."""
    start_ms = int(START.timestamp() * 1_000)
    traffic = Traffic(_factory(seed), seed, shares, clock=lambda: START)
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
        order = (
            {} if reasons else {k: v for k, v in json.loads(event.payload or b"").items() if k != "event_id"}
        )
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
            {"minute_utc": minute, "region": region, "channel": channel, "orders": count,
             "revenue_cents": cents, "batch_id": batch_id}
        )  # fmt: skip
    for (minute, region, product_id, batch_id), (count, units, cents) in products.items():
        lake.rows[GOLD_PRODUCT_SALES_MINUTE].append(
            {"minute_utc": minute, "region": region, "product_id": product_id, "orders": count,
             "units": units, "revenue_cents": cents, "batch_id": batch_id}
        )  # fmt: skip
