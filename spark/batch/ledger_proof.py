"""Silver and rejected of any root against the ledger: rows and cents of every batch and partition."""

from collections import defaultdict
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.dataset as ds

from lake.contract import DUPLICATE, QUARANTINED
from lake.reading import delta_table, record_batches
from lake.tables import SILVER_ORDERS, SILVER_REJECTED, Table

SHOWN = 5
KEYS = ["batch_id", "partition"]
LEDGER = """
select batch_id, partition, silver_rows, silver_cents, duplicate_rows, duplicate_cents, quarantined_rows,
       quarantined_cents
from ops.ledger where batch_id <= %s
"""
DISPOSITIONS = ("silver", DUPLICATE, QUARANTINED)
# (batch, partition) to rows and cents of each disposition.
Accounts = dict[tuple[int, int], dict[str, tuple[int, int]]]


def differences_from_ledger(connection: psycopg.Connection, root: Path, *, up_to: int) -> list[str]:
    """What does not agree, the first few; empty when every row and cent does."""
    expected = _of_ledger(connection, up_to)
    found: Accounts = defaultdict(dict)
    _add(found, SILVER_ORDERS, root, "total_cents", up_to)
    _add(found, SILVER_REJECTED, root, "amount_cents", up_to)
    wrong = [
        f"batch {key[0]} partition {key[1]}: {name} {has[0]:,} rows and {has[1]:,} cents instead of"
        f" {must[0]:,} and {must[1]:,}"
        for key in sorted(expected.keys() | found.keys())
        for name in DISPOSITIONS
        if (has := found.get(key, {}).get(name, (0, 0))) != (must := expected.get(key, {}).get(name, (0, 0)))
    ]
    more = [f"and {len(wrong) - SHOWN:,} more"] if len(wrong) > SHOWN else []
    return [*wrong[:SHOWN], *more]


def _of_ledger(connection: psycopg.Connection, up_to: int) -> Accounts:
    accounts: Accounts = {}
    for batch_id, partition, *values in connection.execute(LEDGER, [up_to]):
        pairs = zip(values[::2], values[1::2], strict=True)
        accounts[batch_id, partition] = {
            name: (int(rows), int(cents)) for name, (rows, cents) in zip(DISPOSITIONS, pairs, strict=True)
        }
    return accounts


def _add(accounts: Accounts, table: Table, root: Path, cents: str, up_to: int) -> None:
    dataset = delta_table(table, root).to_pyarrow_dataset()
    by_disposition = "disposition" in dataset.schema.names
    columns = [*KEYS, cents, *(["disposition"] if by_disposition else [])]
    keys = [*KEYS, *(["disposition"] if by_disposition else [])]
    for batch in record_batches(dataset, columns, ds.field("batch_id") <= up_to):
        rows = pa.Table.from_batches([batch])
        # What broken records claim may leave 64 bits when added up.
        exact = rows.set_column(rows.column_names.index(cents), cents, rows[cents].cast(pa.decimal128(38)))
        sums = exact.group_by(keys).aggregate([([], "count_all"), (cents, "sum")])
        for row in sums.to_pylist():
            name = str(row.get("disposition", "silver"))
            of_key = accounts.setdefault((row["batch_id"], row["partition"]), {})
            count, total = of_key.get(name, (0, 0))
            of_key[name] = (count + row["count_all"], total + int(row[f"{cents}_sum"] or 0))
