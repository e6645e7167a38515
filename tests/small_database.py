"""What PostgreSQL holds of a small lake, reckoned by plain Python."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

import pyarrow as pa

from include.reconcile.database import DatabaseCut
from include.reconcile.sums import table_of
from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
)
from tests.small_lake import SCHEMAS, SmallLake


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
    orders = table_of(
        [(*k, *v) for k, v in order_rows.items()],
        ["hour_utc", "region", "channel", "orders", "revenue_cents"],
    )
    products = table_of(
        [(*k, *v) for k, v in product_rows.items()],
        ["hour_utc", "region", "product_id", "orders", "units", "revenue_cents"],
    )
    by_region: defaultdict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
    for (hour, region, _), (count, cents) in order_rows.items():
        by_region[hour, region][0] += count
        by_region[hour, region][1] += cents
    hours = table_of(
        [(h, by_hour[h], cents_by_hour[h]) for h in by_hour], ["hour_utc", "orders", "revenue_cents"]
    )
    regions = table_of(
        [(*k, *v) for k, v in by_region.items()], ["hour_utc", "region", "orders", "revenue_cents"]
    )
    marts = {"fct_orders": orders, "order_value_hourly": orders, "region_sales_hourly": regions,
             "fct_order_lines": products, "product_sales_hourly": products}  # fmt: skip
    return DatabaseCut(
        batch_id=lake.last_batch,
        ledger=_ledger(lake),
        ledger_cents=_ledger_cents(lake),
        sums={
            "ops.hour_ledger": hours,
            "live.order_value_minute": orders,
            "live.product_sales_minute": products,
        },
        marts=marts,
        publications=table_of(
            [(mart, hour, lake.last_batch) for mart in marts for hour in by_hour],
            ["mart", "hour_utc", "batch_id"],
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
        [(*key, min(offsets[key]), max(offsets[key]) + 1, n["bronze"], n["silver"], n["duplicate"],
          n["quarantined"])
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
