"""Rebuilt hours held against the stream's: sums and content of every hour; where they differ, which rows."""

import json
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
import pyspark.sql.functions as F
from pyspark.sql import DataFrame, SparkSession

from include.rebuild.comparison import MOST_SAMPLES, Comparison, Difference, OfTable, Sample
from include.table_requests import ReplaceHours
from lake.tables import GOLD_ORDER_VALUE_MINUTE, GOLD_PRODUCT_SALES_MINUTE, SILVER_ORDERS, Table, shadow
from spark.streaming.hour_swap import (
    ADDENDS,
    EVENT_TIME,
    Hours,
    by_hour,
    hours_of_ledger,
    of_stream,
    rows_in_hours,
    since_rebuild,
)
from spark.transforms.row_text import columns_text, content_columns, content_text, row_text

CENTS = {
    SILVER_ORDERS: "total_cents",
    GOLD_PRODUCT_SALES_MINUTE: "revenue_cents",
    GOLD_ORDER_VALUE_MINUTE: "revenue_cents",
}
# What a person is shown of a row: nothing about a customer.
SHOWN = {
    SILVER_ORDERS: ["order_id", "ordered_at", "region", "channel", "total_cents", "batch_id"],
    GOLD_PRODUCT_SALES_MINUTE: [
        "minute_utc", "product_id", "region", "orders", "units", "revenue_cents", "batch_id",
    ],
    GOLD_ORDER_VALUE_MINUTE: ["minute_utc", "region", "channel", "orders", "revenue_cents", "batch_id"],
}  # fmt: skip
LAST_CLOSED = "select coalesce(max(batch_id), -1) from ops.ledger"


class LedgerOfHours(NamedTuple):
    """What `ops.hour_ledger` has, and the last batch that it counts."""

    hours: Hours
    batch_id: int


class Sums(NamedTuple):
    """An hour of a table under one root."""

    rows: int
    cents: int
    content: str


NOTHING = Sums(0, 0, content_text(0, 0))
SumsByHour = dict[datetime, Sums]
OnlyByHour = dict[datetime, tuple[int, int]]


def read_ledger(connection: psycopg.Connection, what: ReplaceHours) -> LedgerOfHours:
    """Both at one moment."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        last = connection.execute(LAST_CLOSED).fetchone()
        return LedgerOfHours(hours_of_ledger(connection, what), last[0] if last else -1)


def compare_hours(spark: SparkSession, root: Path, what: ReplaceHours, ledger: LedgerOfHours) -> Comparison:
    """
    The rebuild under the shadow of `what` against the stream's rows of the same batches, and against the
    ledger together with what came since.
    """
    rebuilt_root = shadow(root, what.shadow)
    held = {table: _sums(of_stream(spark, root, what, table), table) for table in EVENT_TIME}
    rebuilt = {table: _sums(rows_in_hours(spark, rebuilt_root, what, table), table) for table in EVENT_TIME}
    differing = {table: _differing(held[table], rebuilt[table]) for table in EVENT_TIME}
    only: dict[Table, OnlyByHour] = {}
    samples: list[Sample] = []
    for table, hours in differing.items():
        only[table], some = _rows_that_differ(spark, root, what, table, hours) if hours else ({}, [])
        samples += some
    orders = rebuilt[SILVER_ORDERS]
    return Comparison(
        hours=len(orders),
        orders=sum(sums.rows for sums in orders.values()),
        revenue_cents=sum(sums.cents for sums in orders.values()),
        differences=[
            Difference(hour, {t.full_name: _of_table(hour, held[t], rebuilt[t], only[t]) for t in EVENT_TIME})
            for hour in sorted(set().union(*differing.values()))
        ],
        samples=samples[:MOST_SAMPLES],
        against_ledger=_against_ledger(spark, root, what, ledger),
    )


def _sums(rows: DataFrame, table: Table) -> SumsByHour:
    hour = F.date_trunc("hour", EVENT_TIME[table]).alias("hour_utc")
    cents = F.sum(CENTS[table]).alias("cents")
    found = rows.groupBy(hour).agg(*content_columns(table), cents).toArrow().to_pylist()
    return {
        row["hour_utc"]: Sums(row["rows"], int(row["cents"]), content_text(row["rows"], row["hashes"]))
        for row in found
    }


def _differing(held: SumsByHour, rebuilt: SumsByHour) -> set[datetime]:
    hours = held.keys() | rebuilt.keys()
    return {h for h in hours if held.get(h, NOTHING).content != rebuilt.get(h, NOTHING).content}


def _of_table(hour: datetime, held: SumsByHour, rebuilt: SumsByHour, only: OnlyByHour) -> OfTable:
    ours, theirs = held.get(hour, NOTHING), rebuilt.get(hour, NOTHING)
    return OfTable(
        rows=(ours.rows, theirs.rows),
        cents=(ours.cents, theirs.cents),
        content=(ours.content, theirs.content),
        only=only.get(hour, (0, 0)),
    )


def _rows_that_differ(
    spark: SparkSession, root: Path, what: ReplaceHours, table: Table, hours: set[datetime]
) -> tuple[OnlyByHour, list[Sample]]:
    """By hour, how many rows only the stream has and how many only the rebuild; and some of them."""
    held = of_stream(spark, root, what, table)
    rebuilt = rows_in_hours(spark, shadow(root, what.shadow), what, table)
    joined = _hashed(held, table, hours, "held").join(
        _hashed(rebuilt, table, hours, "rebuilt"), ["hour_utc", "row_hash"], "full"
    )
    more = F.coalesce("held", F.lit(0)) - F.coalesce("rebuilt", F.lit(0))
    differing = joined.withColumn("more", more).where("more <> 0").persist()
    try:
        sums = differing.groupBy("hour_utc").agg(
            F.sum(F.greatest("more", F.lit(0))).alias("held"),
            F.sum(F.greatest(-F.col("more"), F.lit(0))).alias("rebuilt"),
        )
        only = {row["hour_utc"]: (row["held"], row["rebuilt"]) for row in sums.toArrow().to_pylist()}
        shown = differing.select("hour_utc", "more", F.coalesce("held_row", "rebuilt_row").alias("row"))
        some = shown.orderBy("hour_utc", "row").limit(MOST_SAMPLES).toArrow().to_pylist()
    finally:
        differing.unpersist()
    sides = ("stream" if row["more"] > 0 else "rebuild" for row in some)
    samples = [
        Sample(table.full_name, side, json.loads(row["row"])) for side, row in zip(sides, some, strict=True)
    ]
    return only, samples


def _hashed(rows: DataFrame, table: Table, hours: set[datetime], side: str) -> DataFrame:
    """How often each row of these hours is there, a row told by the hash of all its columns."""
    hour = F.date_trunc("hour", EVENT_TIME[table])
    of_hours = rows.withColumn("hour_utc", hour).where(F.col("hour_utc").isin(*sorted(hours)))
    row_hash = F.sha2(row_text(table), 256).alias("row_hash")
    shown = F.any_value(columns_text(SHOWN[table])).alias(f"{side}_row")
    return of_hours.groupBy("hour_utc", row_hash).agg(F.count("*").alias(side), shown)


def _against_ledger(spark: SparkSession, root: Path, what: ReplaceHours, ledger: LedgerOfHours) -> list[str]:
    """Hours for which rebuild and later batches have other orders or cents than the ledger."""
    wrong = []
    for table, addends in ADDENDS.items():
        rebuilt = rows_in_hours(spark, shadow(root, what.shadow), what, table)
        later = since_rebuild(spark, root, what, table).where(F.col("batch_id") <= ledger.batch_id)
        found = by_hour(rebuilt.unionByName(later), EVENT_TIME[table], addends)
        wrong += [
            f"{table.full_name} of {hour:%Y-%m-%dT%H}: {found.get(hour, (0, 0))} orders and cents instead of"
            f" {ledger.hours.get(hour, (0, 0))}"
            for hour in sorted(found.keys() | ledger.hours.keys())
            if found.get(hour, (0, 0)) != ledger.hours.get(hour, (0, 0))
        ]
    return wrong
