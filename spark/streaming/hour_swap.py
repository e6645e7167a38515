"""
Some hours of silver and gold swapped for what was rebuilt from bronze, while orders stream.

The rebuild knows the batches up to one; orders that came into those hours since stay as they are.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pyspark.sql.functions as F
from pyspark.sql import DataFrame, SparkSession

from include.errors import TableRequestRefused
from include.fault_points import Reach
from include.table_requests import ReplaceHours
from lake.schemas.orders import COLUMNS
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS, Table, shadow
from spark.streaming.database import Database
from spark.transforms.row_text import content_columns, content_text

# The tables that hold orders by event time, and the column that says when.
EVENT_TIME = {
    SILVER_ORDERS: "ordered_at",
    GOLD_PRODUCT_SALES_MINUTE: "minute_utc",
    GOLD_ORDER_VALUE_MINUTE: "minute_utc",
}
# What the ledger of hours counts: orders, and cents.
ADDENDS = {SILVER_ORDERS: ("1", "total_cents"), GOLD_ORDER_VALUE_MINUTE: ("orders", "revenue_cents")}
HOUR_LEDGER = """
select hour_utc, orders, revenue_cents from ops.hour_ledger where hour_utc >= %s and hour_utc < %s
"""
Hours = dict[datetime, tuple[int, int]]


def replace_hours(
    spark: SparkSession, root: Path, database: Database, what: ReplaceHours, reach: Reach
) -> Mapping[str, Any]:
    """
    Swap, one commit per table. Twice is once: a run that is killed in between leaves hours that equal the
    ledger in each table, and the next run completes it.

    Raises:
        TableRequestRefused: with these hours the lake would say something else than the ledger, or there is
            no such rebuild. No table was changed.
    """
    rebuilt = {table: _of_shadow(spark, root, what, table) for table in EVENT_TIME}
    for table, rows in rebuilt.items():
        _refuse_another_comparison(spark, root, what, table, rows)
    wanted = database.run(lambda connection: hours_of_ledger(connection, what))
    for table, addends in ADDENDS.items():
        rows = rebuilt[table].unionByName(since_rebuild(spark, root, what, table))
        _refuse_another_ledger(what, table, wanted, by_hour(rows, EVENT_TIME[table], addends))
    for table, rows in rebuilt.items():
        (
            rows.coalesce(1).write.format("delta").mode("overwrite")
            .option("replaceWhere", f"{in_hours(what, EVENT_TIME[table])} and batch_id <= {what.up_to}")
            .save(str(table.path(root)))
        )  # fmt: skip
        reach(f"after_hours_of_{table.full_name}")
    orders, cents = (sum(values) for values in zip(*wanted.values(), strict=True)) if wanted else (0, 0)
    return {"hours": len(wanted), "orders": orders, "revenue_cents": cents}


def in_hours(what: ReplaceHours, column: str) -> str:
    """As SQL, with the days that the files are sorted by."""
    first, last = what.since.date(), what.until.date()
    since, until = what.since.isoformat(), what.until.isoformat()
    return (
        f"date_utc >= date'{first}' and date_utc <= date'{last}'"
        f" and {column} >= timestamp'{since}' and {column} < timestamp'{until}'"
    )


def _of_shadow(spark: SparkSession, root: Path, what: ReplaceHours, table: Table) -> DataFrame:
    path = table.path(shadow(root, what.shadow))
    if not path.exists():
        raise TableRequestRefused(
            f"Replacing hours {what.since} to {what.until}: {path} is not there. No table was changed."
            " Rebuild the hours again (`saleslake rebuild --hours`)."
        )
    return rows_in_hours(spark, shadow(root, what.shadow), what, table)


def rows_in_hours(spark: SparkSession, root: Path, what: ReplaceHours, table: Table) -> DataFrame:
    rows = spark.read.format("delta").load(str(table.path(root))).select(*COLUMNS[table].names)
    return rows.where(in_hours(what, EVENT_TIME[table]))


def of_stream(spark: SparkSession, root: Path, what: ReplaceHours, table: Table) -> DataFrame:
    """What the rebuild is held against, and replaces."""
    return rows_in_hours(spark, root, what, table).where(F.col("batch_id") <= what.up_to)


def _refuse_another_comparison(
    spark: SparkSession, root: Path, what: ReplaceHours, table: Table, rebuilt: DataFrame
) -> None:
    """Somebody may have approved what is no longer so. A table that is swapped already is as approved."""
    if not (compared := what.compared.get(table.full_name)):
        return
    ours, theirs = (_content(rows, table) for rows in (of_stream(spark, root, what, table), rebuilt))
    if ours not in compared or theirs != compared[1]:
        raise TableRequestRefused(
            f"Replacing hours {what.since:%Y-%m-%dT%H} to {what.until:%Y-%m-%dT%H} of {table.full_name}:"
            f" compared were {compared[0]} with {compared[1]}, now there are {ours} and {theirs}. No table"
            " was changed. Somebody else swapped these hours meanwhile: rebuild and compare them again."
        )


def _content(rows: DataFrame, table: Table) -> str:
    return content_text(*(rows.agg(*content_columns(table)).first() or (0, 0)))


def since_rebuild(spark: SparkSession, root: Path, what: ReplaceHours, table: Table) -> DataFrame:
    """What came into the hours after the batches that were rebuilt."""
    return rows_in_hours(spark, root, what, table).where(F.col("batch_id") > what.up_to)


def by_hour(rows: DataFrame, column: str, addends: tuple[str, str]) -> Hours:
    """Orders and cents; `addends` is SQL of what to add up for each."""
    orders, cents = (F.sum(F.expr(addend)) for addend in addends)
    hour = F.date_trunc("hour", column).alias("hour_utc")
    sums = rows.groupBy(hour).agg(orders.alias("orders"), cents.alias("cents"))
    table = sums.toArrow().to_pylist()
    return {row["hour_utc"]: (int(row["orders"]), int(row["cents"])) for row in table}


def hours_of_ledger(connection: psycopg.Connection, what: ReplaceHours) -> Hours:
    rows = connection.execute(HOUR_LEDGER, [what.since, what.until])
    return {hour: (int(orders), int(cents)) for hour, orders, cents in rows}


def _refuse_another_ledger(what: ReplaceHours, table: Table, wanted: Hours, found: Hours) -> None:
    wrong = [
        f"{hour:%Y-%m-%dT%H} {found.get(hour, (0, 0))} instead of {wanted.get(hour, (0, 0))}"
        for hour in sorted(wanted.keys() | found.keys())
        if wanted.get(hour, (0, 0)) != found.get(hour, (0, 0))
    ]
    if wrong:
        raise TableRequestRefused(
            f"Replacing hours {what.since:%Y-%m-%dT%H} to {what.until:%Y-%m-%dT%H} of {table.full_name} with"
            f" shadow/{what.shadow}: orders and cents would be {'; '.join(wrong[:5])}, as ops.hour_ledger has"
            " them. No table was changed. Either bronze is damaged, or rules or settings changed since those"
            " batches were closed: docs/runbooks/supervise_streams.md, 'A table is damaged'."
        )
