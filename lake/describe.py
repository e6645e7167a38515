"""
The Delta tables as a page: `python -m lake.describe > docs/contracts/lake.md`. A policy test compares them.
"""

import sys

from pyspark.sql import types as T

from lake.schemas.orders import COLUMNS
from lake.tables import TABLES, Table

HEAD = """\
# The Delta tables

Written by `python -m lake.describe` from `lake/tables.py` and `lake/schemas/orders.py`; do not edit.

All are under the lake's root, `<layer>/<name>`. Times are UTC, amounts integer minor units (`_cents`) of the
reporting currency. One process writes them, the lake writer; readers may be many.

- **A batch is the unit.** Every table has `batch_id`. `ops.ledger` in PostgreSQL gets a batch's rows after
  all tables have them, so with B = `max(batch_id)` of the ledger, rows with `batch_id <= B` of every table
  belong together: they are what `ops.hour_ledger` and `live.*` say in the same snapshot.
- **Bronze is complete.** Each (topic, partition, offset) is there exactly once, with the bytes as they came.
- **One disposition.** Each record of bronze is in `silver.orders`, or in `silver.rejected` as `duplicate` or
  as `quarantined` with reasons (docs/contracts/orders.md), and in one of them only.
- **Gold is additive.** It holds partial sums, one row per key and batch: always sum over the key. A late
  order is simply a further row. Product revenue is quantity x unit price - discount; order revenue is
  `total_cents`.
- **Nothing that came is thrown away.** A field of an order that the contract does not know in the record's
  version is in `silver.orders.rescued`, a VARIANT object; unknown fields of lines stand under its key
  `lines`, one object per line. `ops.ledger.rescued_rows` counts such orders by batch,
  `live.unknown_fields` by field name, and `saleslake insights` shows them. In Spark one field is
  `variant_get(rescued, '$.coupon', 'string')`, and all names are
  `explode(map_keys(variant_get(rescued, '$', 'map<string,variant>')))`. Other readers see a struct of two
  binaries, `metadata` and `value`, in the Parquet encoding of variants.
- **Tables grow, they do not change.** A new column is nullable and NULL in rows of before, and stands last:
  docs/contracts/growing.md.
- **Read the newest version.** Versions of the last half hour can be read too, older ones cannot: a disk with
  the commits of a day in a table's log makes every batch slower. A streaming reader that was away for longer
  begins anew; by `batch_id` it knows where. Where batches are rare, or tables lie on an object store, set the
  table's `delta.logRetentionDuration` to more: the writer leaves what somebody chose.
- The simulator's records carry the Kafka header `saleslake-event` (`run id:sequence number`), which
  `bronze.orders.headers` keeps: by it `saleslake reconcile` finds them, even those that cannot be parsed.

## Changing the tables while orders stream

Whoever wants something done to the tables asks the lake writer: a row in `ops.table_requests` (`kind`,
`arguments`, `requested_by`). It is carried out between two batches, oldest first, and is `done` with a
`result` or `failed` with a `detail`. A request whose writer died is begun again; after three deaths it fails.

- `optimize`, with `table` and `days` (dates; none: all): small files become few large ones. Rows stay.
- `replace_hours`, with `shadow`, `since`, `until` (full hours, UTC) and `up_to`: the orders of these hours in
  silver and gold, of batches up to `up_to`, are swapped for those under `shadow/<shadow>`, if every hour is
  then as `ops.hour_ledger` has it.
- `vacuum`, with `table`: files are deleted that no version of the table needs which was the newest within its
  retention (`delta.deletedFileRetentionDuration`, never less than seven days). Refused while somebody reads
  the lake: a session of PostgreSQL that holds the advisory lock (23071, 0) shared, or a rebuild under
  `shadow/`.

`saleslake rebuild --from-bronze --hours SINCE UNTIL` rebuilds hours and asks for their swap.
"""
PARTITIONED_BY = {
    "bronze.orders": "kafka_timestamp",
    "silver.orders": "ordered_at",
    "silver.rejected": "kafka_timestamp",
    "gold.product_sales_minute": "minute_utc",
    "gold.order_value_minute": "minute_utc",
}


def describe(table: Table) -> str:
    """One table as a section of the page."""
    lines = [
        f"## {table.full_name}",
        "",
        f"One row per {table.grain}. Key: {', '.join(f'`{name}`' for name in table.key)}.",
        f"Partitioned by `{table.partition_by}`, the date of `{PARTITIONED_BY[table.full_name]}`.",
        "",
        "| column | type | null |",
        "|---|---|---|",
        *(_row(field) for field in COLUMNS[table]),
    ]
    return "\n".join(lines)


def _row(field: T.StructField) -> str:
    return f"| `{field.name}` | {field.dataType.simpleString()} | {'yes' if field.nullable else 'no'} |"


def page() -> str:
    return "\n".join([HEAD, *(f"{describe(table)}\n" for table in TABLES)])


if __name__ == "__main__":
    sys.stdout.write(page())
