"""From Kafka records to judged records, and from those to the rows of silver.orders and silver.rejected."""

import pyspark.sql.functions as F
from pyspark.sql import Column, DataFrame, Window

from lake.contract import CONFLICT, DUPLICATE, QUARANTINED
from lake.schemas.orders import COLUMNS, ORDER, ORDER_LINES, PAYLOAD
from lake.tables import BRONZE_ORDERS, SILVER_ORDERS, SILVER_REJECTED
from spark.transforms.email_hmac import hmac_sha256
from spark.transforms.order_rules import with_reasons
from spark.transforms.order_shape import with_order, with_rescued

# Silver's fields that are the payload's, letter for letter.
AS_WRITTEN = [
    field.name
    for field in ORDER
    if field.name in PAYLOAD.names and field.dataType == PAYLOAD[field.name].dataType
]
# Not part of what an order says: a repeat may carry another event_id, and come from a producer of another
# version. A field that an order does not have is no part of its hash either (`to_json` leaves NULLs out), so
# a field that the contract gets later changes no hash of before.
NOT_CONTENT = ("event_id", "schema_version")
JUDGED = ("reasons", *ORDER.names, "rescued", "is_late", "order_hash")


def bronze_orders(records: DataFrame) -> DataFrame:
    """KAFKA_RECORD, `ingested_at` and `batch_id` to the columns of bronze.orders."""
    dated = records.withColumn("date_utc", F.to_date("kafka_timestamp"))
    return dated.select(*COLUMNS[BRONZE_ORDERS].names)


def judged_orders(
    records: DataFrame, *, reporting_currency: str, late_after_minutes: int, email_key: bytes
) -> DataFrame:
    """
    Judge every record by the contract alone, without looking at other records.

    Args:
        records: KAFKA_RECORD, and any other columns.
        late_after_minutes: an order that arrived more than this after it was placed is late.
        email_key: key of `customer_email_hmac`.

    Returns:
        The same rows plus `reasons`, the fields of ORDER that silver keeps, `rescued`, `is_late` and
        `order_hash`.
    """
    return (
        records.transform(with_order)
        .transform(with_reasons, reporting_currency=reporting_currency)
        .transform(with_rescued)
        .transform(with_silver_fields, late_after_minutes=late_after_minutes, email_key=email_key)
        .select(*records.columns, *JUDGED)
    )


def with_silver_fields(orders: DataFrame, *, late_after_minutes: int, email_key: bytes) -> DataFrame:
    """The payload in silver's types: lines sorted by number, e-mail as HMAC, lateness and content hash."""
    is_good = F.size("reasons") == 0
    late_after = F.make_dt_interval(mins=F.lit(late_after_minutes))
    return orders.withColumns(
        {
            **{name: F.col(f"order.{name}") for name in AS_WRITTEN},
            "schema_version": F.col("order.schema_version").try_cast("int"),
            "lines": F.when(is_good, F.sort_array("order.lines").cast(ORDER_LINES)),
            "customer_email_hmac": hmac_sha256(F.col("order.customer_email"), key=email_key),
            "is_late": F.coalesce(F.col("kafka_timestamp") - F.col("ordered_at") > late_after, F.lit(False)),
        }
    ).withColumn("order_hash", F.when(is_good, _content_hash()))


def _content_hash() -> Column:
    names = [name for name in ORDER.names if name not in NOT_CONTENT]
    # Microseconds since 1970: as JSON a timestamp would lose them.
    content = [F.unix_micros("ordered_at").alias(n) if n == "ordered_at" else F.col(n) for n in names]
    return F.sha2(F.to_json(F.struct(*content)), 256)


def silver_orders(accepted: DataFrame) -> DataFrame:
    """Accepted rows of `judged_orders`, with `batch_id`, to the columns of silver.orders."""
    dated = accepted.withColumn("date_utc", F.to_date("ordered_at"))
    return dated.select(*COLUMNS[SILVER_ORDERS].names)


def silver_rejected(rejected: DataFrame) -> DataFrame:
    """Not accepted rows of `judged_orders`, with `batch_id` and `disposition`, to silver.rejected."""
    dated = rejected.withColumn("date_utc", F.to_date("kafka_timestamp"))
    return dated.withColumn("amount_cents", F.col("total_cents")).select(*COLUMNS[SILVER_REJECTED].names)


def with_disposition(judged: DataFrame, exceptions: DataFrame) -> DataFrame:
    """
    Add `disposition` (NULL for an accepted order) and the conflict to `reasons`.

    Args:
        judged: columns of `judged_orders`.
        exceptions: `partition, offset, exception`, the good orders that are a duplicate or a conflict.
    """
    named = judged.join(F.broadcast(exceptions), on=["partition", "offset"], how="left")
    return named.transform(_with_named_disposition)


def with_disposition_in_order(judged: DataFrame) -> DataFrame:
    """
    As `with_disposition`, for every record of the lake at once: the first good record of an order is
    accepted, in the order of the batches and, within one, of partition and offset.

    Args:
        judged: columns of `judged_orders`, and `batch_id`.
    """
    is_good = F.size("reasons") == 0
    order = [F.when(is_good, F.col("order_id"))]
    # Each bad record stands alone; as one group without an order they would all meet in one task.
    alone = [F.when(~is_good, F.col(name)) for name in ("partition", "offset")]
    arrived = Window.partitionBy(*order, *alone).orderBy("batch_id", "partition", "offset")
    is_same = F.col("order_hash") == F.first("order_hash").over(arrived)
    is_repeated = is_good & (F.row_number().over(arrived) > 1)
    exception = F.when(is_repeated, F.when(is_same, F.lit(DUPLICATE)).otherwise(F.lit(CONFLICT)))
    return judged.withColumn("exception", exception).transform(_with_named_disposition)


def _with_named_disposition(judged: DataFrame) -> DataFrame:
    exception, reasons = F.col("exception"), F.col("reasons")
    is_conflict = exception == CONFLICT
    disposition = F.when(exception == DUPLICATE, F.lit(DUPLICATE)).when(
        is_conflict | (F.size("reasons") > 0), F.lit(QUARANTINED)
    )
    return (
        judged.withColumn("disposition", disposition)
        .withColumn("reasons", F.when(is_conflict, F.array(F.lit(CONFLICT))).otherwise(reasons))
        .drop("exception")
    )
