"""A lake written by the stream's own steps, batch by batch, without Kafka in front."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from pyspark.sql import DataFrame, SparkSession

from lake.tables import TABLES, Table, checkpoint, order_index
from spark.streaming.batch import BatchWriter
from spark.streaming.closing import close_batch
from spark.streaming.delta_log import ensure_table
from spark.streaming.email_key import fingerprint
from spark.streaming.generation import QUERY, Generation, begin_generation, load_generation
from spark.streaming.judging import Judge
from spark.streaming.order_index import OrderIndex
from spark.streaming.plain_orders import OrderTerms
from spark.streaming.plan import read_plan
from tests.orders import kafka_records

EMAIL_KEY = b"k" * 32
RULES = {"reporting_currency": "USD", "late_after_minutes": 60, "email_key": EMAIL_KEY}
QUERIES = {
    "ledger": "select partition, start_offset, end_offset, read_rows, read_cents, silver_rows, silver_cents,"
    " duplicate_rows, duplicate_cents, quarantined_rows, quarantined_cents, rescued_rows, batch_id"
    " from ops.ledger",
    "hours": "select * from ops.hour_ledger",
    "products": "select * from live.product_sales_minute",
    "values": "select * from live.order_value_minute",
    "unknown": "select field, orders, last_batch_id from live.unknown_fields",
}


class Lake:
    """A lake of its own, or the one that is there, written batch by batch without Kafka in front."""

    def __init__(self, spark: SparkSession, root: Path, connection: psycopg.Connection) -> None:
        self.spark, self.root, self.connection = spark, root, connection
        for table in TABLES:
            ensure_table(spark, table, root)
        self.generation: Generation = load_generation(root) or begin_generation(
            root,
            topic="orders.v1",
            topic_id="t",
            first_batch_id=0,
            starting_offsets={0: 0},
            email_key=fingerprint(EMAIL_KEY),
        )

    def plan(self, number: int, end: int) -> None:
        offsets = json.dumps({"orders.v1": {"0": end}})
        self._log("offsets", number, f'v1\n{{"batchTimestampMs": 1000}}\n{offsets}')

    def _log(self, kind: str, number: int, text: str) -> None:
        folder = checkpoint(self.root, QUERY) / kind
        folder.mkdir(exist_ok=True)
        (folder / str(number)).write_text(text)

    def write(self, number: int, records: list[Any], first_offset: int, reach=lambda _: None) -> None:
        """One try at a batch, by a driver that has just started."""
        self.plan(number, first_offset + len(records))
        rows = kafka_records(self.spark, *records, first_offset=first_offset)
        index = OrderIndex(order_index(self.root))
        with closing(index):
            writer = BatchWriter(
                self.root,
                self.generation,
                index,
                Judge(self.spark, OrderTerms(**RULES), self.root),
                lambda done, reach: close_batch(self.connection, done, reach),
                reach,
            )
            plan = read_plan(self.root, self.generation, number)
            writer.write(rows, plan)
        self._log("commits", number, "v1\n{}")

    def rows(self, table: Table) -> DataFrame:
        return self.spark.read.format("delta").load(str(table.path(self.root)))

    def content(self) -> dict[str, Any]:
        """Every row of the lake and of the database."""
        in_lake = {t.full_name: sorted(map(str, self.rows(t).collect())) for t in TABLES}
        in_database = {name: sorted(self.connection.execute(QUERIES[name]).fetchall()) for name in QUERIES}
        return in_lake | in_database
