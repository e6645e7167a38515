"""
The weaker job that others do, done with our engine: what is parsed is stored and counted, at least once.

No rule is checked, nothing is kept apart, an order that comes twice counts twice, and after a kill a batch
may count twice too. Of the tables there is silver alone.

    BENCH_…=… python -m bench.weak
"""

import json
import signal
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, WriterProperties, write_deltalake
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from bench.contender import Launch, contender_environment, own_database
from bench.guarantees import Guarantees
from include.copying import copy_rows
from include.settings import PROJECT_ROOT, KafkaSettings, StreamSettings, machine_variable
from lake.schemas.orders import PAYLOAD
from spark.session import get_session
from spark.streaming import arrow_gold
from spark.streaming.columns import values_of
from spark.streaming.plain_orders import KNOWN, MICROSECONDS, parsed_orders
from spark.streaming.plain_text import is_written_plainly
from spark.streaming.records import FETCH_WAIT_MS
from stack.postgres import PostgresServer

SCHEMA = """
create schema if not exists answers;
create table if not exists answers.product_sales_minute (
    minute_utc timestamptz, product_id text, region text, units bigint not null,
    revenue_cents bigint not null, primary key (minute_utc, product_id, region)
);
create table if not exists answers.region_sales_minute (
    minute_utc timestamptz, region text, orders bigint not null, revenue_cents bigint not null,
    primary key (minute_utc, region)
);
create temp table new_product_sales_minute (like answers.product_sales_minute) on commit delete rows;
create temp table new_region_sales_minute (like answers.region_sales_minute) on commit delete rows;
"""
ADD = {
    "product_sales_minute": """
insert into answers.product_sales_minute as known select * from new_product_sales_minute
on conflict (minute_utc, product_id, region) do update
set units = known.units + excluded.units, revenue_cents = known.revenue_cents + excluded.revenue_cents
""",
    "region_sales_minute": """
insert into answers.region_sales_minute as known select * from new_region_sales_minute
on conflict (minute_utc, region) do update
set orders = known.orders + excluded.orders, revenue_cents = known.revenue_cents + excluded.revenue_cents
""",
}
POSITION = ("partition", "offset")
NEEDED = ("order_id", "ordered_at", "region", "lines", "total_cents")

GUARANTEES = Guarantees(
    contract="types only",
    duplicates="counted again",
    quarantine="no, passed over",
    exactly_once="no, at least once",
    lake="silver",
)


@dataclass(frozen=True)
class WeakSaleslake:
    name: str = "saleslake-weak"
    title: str = "Saleslake's engine, at least once"
    tuning: str = (
        "Spark Structured Streaming on 2 cores as Saleslake sets it up, at most 80,000 records a batch, one"
        " Spark job a batch, Arrow parses, delta-rs writes silver, answers by COPY and one upsert; batch"
        " follows batch at once"
    )
    guarantees: Guarantees = GUARANTEES

    def launch(self, server: PostgresServer, kafka: KafkaSettings, folder: Path) -> Launch:
        database, url = own_database(server)
        environment = contender_environment(kafka, url, folder) | {"PYTHONPATH": str(PROJECT_ROOT)}
        return Launch([sys.executable, "-m", "bench.weak"], environment, database)


class WeakWriter:
    """One batch: silver, then both answers in one transaction."""

    def __init__(self, silver: Path, connection: psycopg.Connection) -> None:
        self._silver, self._connection = str(silver), connection
        connection.execute(SCHEMA)

    def write(self, records: DataFrame, _: int) -> None:
        rows = parsed_records(records.toArrow())
        if not rows.num_rows:
            return
        table: DeltaTable | str = DeltaTable(self._silver) if DeltaTable.is_deltatable(self._silver) else ""
        properties = WriterProperties(compression="ZSTD", compression_level=1)
        write_deltalake(table or self._silver, rows, mode="append", writer_properties=properties)
        products = arrow_gold.product_sales_minute(rows)
        regions = arrow_gold.order_value_minute(rows).group_by(["minute_utc", "region"]).aggregate(
            [("orders", "sum"), ("revenue_cents", "sum")]
        ).rename_columns(["minute_utc", "region", "orders", "revenue_cents"])  # fmt: skip
        columns = ["minute_utc", "product_id", "region", "units", "revenue_cents"]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            _add(cursor, "product_sales_minute", products.select(columns))
            _add(cursor, "region_sales_minute", regions)


def _add(cursor: psycopg.Cursor, name: str, rows: pa.Table) -> None:
    """A sum that misses a number is none; nobody looks for the record that broke it."""
    for place, column in enumerate(rows.column_names):
        if pa.types.is_integer(rows.schema.field(column).type):
            rows = rows.set_column(place, column, pc.fill_null(rows[column], 0))
    copy_rows(cursor, f"new_{name}", rows.drop_null(), rows.column_names)
    cursor.execute(ADD[name])


def parsed_records(records: pa.Table) -> pa.Table:
    """What has an order's fields, with its position; the rest is passed over."""
    values = records["value"].combine_chunks()
    is_plain = is_written_plainly(values, KNOWN)
    plain, odd = records.filter(is_plain), records.filter(pc.invert(is_plain))
    parts = [_with_position(parsed_orders(values_of(plain["value"])), plain)]
    for place, value in enumerate(values_of(odd["value"])):
        try:
            # Arrow's reader is not made for any bytes whatever: some end the process.
            order = pa.Table.from_pylist([json.loads(value or b"")], schema=WRITTEN)
            parts.append(_with_position(order, odd.slice(place, 1)))
        except (pa.ArrowException, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            continue
    rows = pa.concat_tables(parts)
    return rows.filter(reduce(pc.and_, (pc.is_valid(rows[name]) for name in NEEDED)))


def _with_position(orders: pa.Table, records: pa.Table) -> pa.Table:
    # Whether a field may be missing depends on which way it was read.
    columns = [orders[field.name].cast(field.type) for field in ORDERS]
    positions = [records[name] for name in POSITION]
    return pa.table([*columns, *positions], names=[*ORDERS.names, *POSITION])


def _all_nullable(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_all_nullable(field.type)).with_nullable(True) for field in kind])
    return pa.list_(_all_nullable(kind.value_type)) if pa.types.is_list(kind) else kind


WRITTEN = pa.schema([pa.field(one.name, _all_nullable(one.type)) for one in to_arrow_schema(PAYLOAD)])
ORDERS = WRITTEN.set(WRITTEN.get_field_index("ordered_at"), pa.field("ordered_at", MICROSECONDS))


def read_records(spark: SparkSession, bootstrap: str, topic: str, stream: StreamSettings) -> DataFrame:
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", stream.max_offsets_per_trigger)
        .option("kafka.fetch.max.wait.ms", FETCH_WAIT_MS)
        .load()
        .coalesce(stream.cores)
        .select("value", "partition", "offset")
    )


def of_contender(name: str) -> str:
    """
    Raises:
        ValueError: the benchmark did not set it.
    """
    value = machine_variable(f"BENCH_{name}")
    if value is None:
        raise ValueError(
            f"Starting bench.weak: BENCH_{name} is not set. Nothing was done. `make bench` sets it."
        )
    return value


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    folder, stream = Path(of_contender("FOLDER")), StreamSettings()
    spark = get_session("saleslake-weak", stream)
    java: Any = spark.sparkContext._gateway.proc  # type: ignore[union-attr]
    orders = read_records(spark, of_contender("BOOTSTRAP"), of_contender("TOPIC"), stream)
    with closing(psycopg.connect(of_contender("POSTGRES"), autocommit=True)) as connection:
        writer = WeakWriter(folder / "silver", connection)
        started = orders.writeStream.trigger(processingTime="0 seconds").foreachBatch(writer.write)
        query = started.option("checkpointLocation", str(folder / "checkpoint")).start()
        while not stop.wait(0.2) and query.isActive:
            continue
        failed = query.exception()
    java.kill()
    if failed:
        print(failed, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
