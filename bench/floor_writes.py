"""
The floors that need no Spark: each single Delta write of a batch, the COPY of its rows into PostgreSQL, and
bare consumption of the topic. Their rows are those that the lake writer wrote.
"""

import json
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from time import monotonic, process_time

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from psycopg import sql
from pyspark.sql import SparkSession

from bench.measuring import Cost, postgres_of, spent
from bench.peers.peer import python_of, script
from include.sales_db import connect
from include.settings import KafkaSettings, Settings
from lake.schemas.orders import COLUMNS
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE, TABLES, Table
from spark.streaming.delta_log import HeldTables, append_arrow, ensure_table

PRODUCT_SALES = ("minute_utc", "product_id", "region", "orders", "units", "revenue_cents")
ORDER_VALUE = ("minute_utc", "region", "channel", "orders", "revenue_cents")
LIVE = {
    GOLD_PRODUCT_SALES_MINUTE: ("product_sales_minute", *PRODUCT_SALES),
    GOLD_ORDER_VALUE_MINUTE: ("order_value_minute", *ORDER_VALUE),
}
COPY = "PostgreSQL: COPY of the rows of live"
LIBRDKAFKA_OF, CONSUMPTIONS = "micro_batches", 3


def delta_writes(
    spark: SparkSession, settings: Settings, batches: Iterable[int]
) -> Iterator[tuple[str, Cost]]:
    """Of every table and batch, what its commit costs in this process: files, log and catching up with it."""
    root, app_id = settings.run_dir / "single-writes", f"bench:{uuid.uuid4()}"
    tables = HeldTables(root)
    for table in TABLES:
        ensure_table(spark, table, root)
        for batch_id in batches:
            rows = rows_of(table, settings.lake.root, batch_id)
            if rows is None:
                continue
            processor, began = process_time(), monotonic()
            append_arrow(rows, table, tables, app_id=app_id, batch_id=batch_id)
            yield f"Delta: {table.full_name}", Cost(process_time() - processor, monotonic() - began)


def rows_of(table: Table, root: Path, batch_id: int) -> pa.Table | None:
    """What the batch wrote, as it was handed to the writer of the table; None when it wrote nothing."""
    parts = []
    for file in sorted(table.path(root).glob(f"*/part-{batch_id:012}-*.parquet")):
        rows = pq.read_table(file, partitioning=None)
        day = pa.scalar(file.parent.name.partition("=")[2]).cast(pa.date32())
        parts.append(rows.append_column(table.partition_by, pa.repeat(day, rows.num_rows)))
    return pa.concat_tables(parts).select(COLUMNS[table].names) if parts else None


def copies(settings: Settings, batches: Iterable[int]) -> Iterator[Cost]:
    """A batch's rows of both tables of `live`, as text, into tables without an index, in one transaction."""
    server = postgres_of(settings)
    with closing(connect(settings.postgres, application_name="bench", autocommit=True)) as connection:
        for name, *columns in LIVE.values():
            made = sql.SQL("create temp table {} as select {} from {} with no data").format(
                sql.Identifier(name), _listed(columns), sql.Identifier("live", name)
            )
            connection.execute(made)
        for batch_id in batches:
            texts = {name: _text(table, settings.lake.root, batch_id, columns)
                     for table, (name, *columns) in LIVE.items()}  # fmt: skip
            before, began = process_time() + spent(server), monotonic()
            with connection.transaction(), connection.cursor() as cursor:
                for name, text in texts.items():
                    statement = sql.SQL("copy {} from stdin (format csv)").format(
                        sql.Identifier("pg_temp", name)
                    )
                    with cursor.copy(statement) as stream:
                        stream.write(text)
            yield Cost(process_time() + spent(server) - before, monotonic() - began)


def _listed(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _text(table: Table, root: Path, batch_id: int, columns: list[str]) -> bytes:
    rows = rows_of(table, root, batch_id)
    if rows is None:
        return b""
    text = BytesIO()
    pyarrow.csv.write_csv(rows.select(columns), text, pyarrow.csv.WriteOptions(include_header=False))
    return text.getvalue()


def bare_consumption(topic: KafkaSettings) -> list[float] | None:
    """Orders per core-second, a figure each time; None when librdkafka is not installed with the peers."""
    python = python_of(LIBRDKAFKA_OF)
    if not Path(python).exists():
        return None
    command = [python, script("bare_consumption.py"), topic.bootstrap_servers, topic.orders_topic]
    rates = []
    for _ in range(CONSUMPTIONS):
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
        found = json.loads(said)
        rates.append(found["records"] / found["core_seconds"])
    return rates
