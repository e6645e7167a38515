"""
Kafka to Delta and PostgreSQL the way tutorials teach it: one streaming query for each table.

    BENCH_…=… python main.py --java-home FOLDER --jars FOLDER [FOLDER ...]
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, count, explode, from_json, sum, window
from pyspark.sql.streaming import StreamingQuery

# Orders of one log lie a day apart and late ones two days more: a shorter wait would drop some silently.
WATERMARK = "3 days"
SCHEMA = """
    schema_version INT, event_id STRING, order_id STRING, ordered_at TIMESTAMP, customer_id STRING,
    customer_email STRING, region STRING, country STRING, channel STRING, payment_method STRING,
    currency STRING, lines ARRAY<STRUCT<line_no: INT, product_id: STRING, product_name: STRING,
                       category: STRING, quantity: BIGINT, unit_price_cents: BIGINT, discount_cents: BIGINT>>,
    shipping_cents BIGINT, tax_cents BIGINT, total_cents BIGINT
"""
TABLES = """
create schema if not exists answers;
create table if not exists answers.product_updates
    (batch_id bigint, minute_utc timestamptz, product_id text, region text, units bigint,
     revenue_cents bigint);
create table if not exists answers.region_updates
    (batch_id bigint, minute_utc timestamptz, region text, orders bigint, revenue_cents bigint);
create or replace view answers.product_sales_minute as
    select distinct on (minute_utc, product_id, region) minute_utc, product_id, region, units, revenue_cents
    from answers.product_updates order by minute_utc, product_id, region, batch_id desc;
create or replace view answers.region_sales_minute as
    select distinct on (minute_utc, region) minute_utc, region, orders, revenue_cents
    from answers.region_updates order by minute_utc, region, batch_id desc;
"""


def spark_session(jars: list[str]) -> SparkSession:
    return (
        SparkSession.builder.appName("tutorial")
        .master(f"local[{os.environ['BENCH_CORES']}]")
        .config("spark.driver.memory", "6g")
        .config("spark.driver.extraClassPath", ":".join(f"{folder}/*" for folder in jars))
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.sql.session.timeZone", "UTC")
        # Nothing listens beyond this machine.
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )


def read_kafka(spark: SparkSession) -> DataFrame:
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", os.environ["BENCH_BOOTSTRAP"])
        .option("subscribe", os.environ["BENCH_TOPIC"])
        .option("startingOffsets", "earliest")
        .load()
    )


def read_orders(spark: SparkSession) -> DataFrame:
    """Parsed anew by each query that wants them."""
    parsed = read_kafka(spark).select(from_json(col("value").cast("string"), SCHEMA).alias("order"))
    orders = parsed.select("order.*").where("order_id is not null and ordered_at is not null")
    return orders.withWatermark("ordered_at", WATERMARK)


def to_delta(rows: DataFrame, name: str, folder: Path) -> StreamingQuery:
    return (
        rows.writeStream.format("delta")
        .outputMode("append")
        .option("checkpointLocation", str(folder / "checkpoints" / name))
        .start(str(folder / name))
    )


def to_postgres(rows: DataFrame, name: str, folder: Path) -> StreamingQuery:
    return (
        rows.writeStream.outputMode("update")
        .foreachBatch(appender(f"answers.{name}"))
        .option("checkpointLocation", str(folder / "checkpoints" / name))
        .start()
    )


def appender(table: str) -> Callable[[DataFrame, int], None]:
    parts = conninfo_to_dict(os.environ["BENCH_POSTGRES"])
    address = f"jdbc:postgresql://{parts['host']}:{parts['port']}/{parts['dbname']}"
    properties = {
        "user": str(parts["user"]),
        "password": str(parts["password"]),
        "driver": "org.postgresql.Driver",
    }

    def append(rows: DataFrame, batch_id: int) -> None:
        numbered = rows.selectExpr(f"{batch_id}L as batch_id", "*")
        numbered.write.jdbc(address, table, mode="append", properties=properties)

    return append


def sales_by_product(orders: DataFrame) -> DataFrame:
    lines = orders.select("ordered_at", "region", explode("lines").alias("line")).select(
        "ordered_at", "region", "line.*"
    )
    revenue = col("quantity") * col("unit_price_cents") - col("discount_cents")
    return (
        lines.groupBy(window("ordered_at", "1 minute"), "product_id", "region")
        .agg(sum("quantity").alias("units"), sum(revenue).alias("revenue_cents"))
        .select(col("window.start").alias("minute_utc"), "product_id", "region", "units", "revenue_cents")
    )


def sales_by_region(orders: DataFrame) -> DataFrame:
    return (
        orders.groupBy(window("ordered_at", "1 minute"), "region")
        .agg(count("*").alias("orders"), sum("total_cents").alias("revenue_cents"))
        .select(col("window.start").alias("minute_utc"), "region", "orders", "revenue_cents")
    )


def start(spark: SparkSession, folder: Path) -> list[StreamingQuery]:
    bronze = read_kafka(spark).select("key", "value", "topic", "partition", "offset", "timestamp")
    return [
        to_delta(bronze, "bronze", folder),
        to_delta(read_orders(spark).dropDuplicatesWithinWatermark(["order_id"]), "silver", folder),
        to_postgres(sales_by_product(read_orders(spark)), "product_updates", folder),
        to_postgres(sales_by_region(read_orders(spark)), "region_updates", folder),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--java-home", required=True)
    parser.add_argument("--jars", nargs="+", required=True)
    args = parser.parse_args()
    os.environ["JAVA_HOME"] = args.java_home
    with psycopg.connect(os.environ["BENCH_POSTGRES"]) as connection:
        connection.execute(TABLES)
    stopped: list[int] = []
    spark = spark_session(args.jars)
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    queries = start(spark, Path(os.environ["BENCH_FOLDER"]))
    while not stopped and all(query.isActive for query in queries):
        time.sleep(0.5)
    failed = [str(query.exception()) for query in queries if query.exception()]
    print("\n".join(failed), file=sys.stderr)
    for query in queries:
        query.stop()
    spark.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
