"""
Columns of every table of the lake. Source: Kafka `orders.v1`, docs/contracts/orders.md.

Times are UTC, amounts integer minor units of the reporting currency (`_cents`).
"""

from pyspark.sql import types as T

from lake.tables import (
    BRONZE_ORDERS,
    GOLD_ORDER_VALUE_MINUTE,
    GOLD_PRODUCT_SALES_MINUTE,
    SILVER_ORDERS,
    SILVER_REJECTED,
)


def _required(name: str, kind: T.DataType) -> T.StructField:
    return T.StructField(name, kind, nullable=False)


def _optional(name: str, kind: T.DataType) -> T.StructField:
    return T.StructField(name, kind, nullable=True)


TEXT, LONG, INT = T.StringType(), T.LongType(), T.IntegerType()
INSTANT, DATE, FLAG = T.TimestampType(), T.DateType(), T.BooleanType()

# Where a record lies in Kafka: with the lake's batch, the provenance of every row.
POSITION = (_required("topic", TEXT), _required("partition", INT), _required("offset", LONG))
BATCH = (_required("batch_id", LONG),)
DATE_UTC = (_required("date_utc", DATE),)

HEADERS = T.ArrayType(
    T.StructType([_optional("key", TEXT), _optional("value", T.BinaryType())]), containsNull=True
)

KAFKA_RECORD = T.StructType(
    [
        _optional("value", T.BinaryType()),
        _optional("key", T.BinaryType()),
        *POSITION,
        _required("kafka_timestamp", INSTANT),
        _optional("headers", HEADERS),
    ]
)

# Delta enforces NOT NULL at the top level only, so the order rules see to the lines.
ORDER_LINE = T.StructType(
    [
        _optional("line_no", INT),
        _optional("product_id", TEXT),
        _optional("product_name", TEXT),
        _optional("category", TEXT),
        _optional("quantity", INT),
        _optional("unit_price_cents", LONG),
        _optional("discount_cents", LONG),
    ]
)

ORDER_LINES = T.ArrayType(ORDER_LINE, containsNull=True)

# The contract's fields as silver keeps them; the e-mail stays in bronze.
ORDER = T.StructType(
    [
        _required("schema_version", INT),
        _required("event_id", TEXT),
        _required("order_id", TEXT),
        _required("ordered_at", INSTANT),
        _required("customer_id", TEXT),
        _optional("customer_email_hmac", TEXT),  # hex HMAC-SHA256 under the lake's key
        _required("region", TEXT),
        _required("country", TEXT),
        _required("channel", TEXT),
        _required("payment_method", TEXT),
        _required("currency", TEXT),
        _required("lines", ORDER_LINES),
        _required("shipping_cents", LONG),
        _required("tax_cents", LONG),
        _required("total_cents", LONG),
    ]
)


def _as_written(kind: T.DataType) -> T.DataType:
    """How the contract writes a silver type in JSON: whole numbers, texts, and the lines."""
    if kind == ORDER_LINES:
        return T.ArrayType(PAYLOAD_LINE)
    written: dict[T.DataType, T.DataType] = {INT: LONG, INSTANT: TEXT}
    return written.get(kind, kind)


# Of a line, every field must be there.
PAYLOAD_LINE = T.StructType([_required(field.name, _as_written(field.dataType)) for field in ORDER_LINE])
# One order as topic `orders.v1` has it, every field by the contract's name; nullable: it may be absent.
PAYLOAD = T.StructType(
    [
        T.StructField(field.name.removesuffix("_hmac"), _as_written(field.dataType), field.nullable)
        for field in ORDER
    ]
)

COLUMNS = {
    BRONZE_ORDERS: T.StructType([*KAFKA_RECORD.fields, _required("ingested_at", INSTANT), *BATCH, *DATE_UTC]),
    SILVER_ORDERS: T.StructType(
        [
            *ORDER.fields,
            _optional("rescued", T.VariantType()),  # an object of the fields the contract does not know
            _required("is_late", FLAG),
            _required("order_hash", TEXT),  # hex SHA-256 of the content without event_id
            _required("kafka_timestamp", INSTANT),
            *POSITION,
            *BATCH,
            *DATE_UTC,  # of ordered_at
        ]
    ),
    SILVER_REJECTED: T.StructType(
        [
            _required("disposition", TEXT),  # duplicate | quarantined
            _required("reasons", T.ArrayType(TEXT, containsNull=True)),  # empty for a duplicate
            _optional("order_id", TEXT),
            _optional("amount_cents", LONG),  # what the record claims as total_cents
            _optional("value", T.BinaryType()),
            _optional("key", T.BinaryType()),
            _required("kafka_timestamp", INSTANT),
            *POSITION,
            *BATCH,
            *DATE_UTC,  # of kafka_timestamp
        ]
    ),
    GOLD_PRODUCT_SALES_MINUTE: T.StructType(
        [
            _required("minute_utc", INSTANT),
            _required("product_id", TEXT),
            _required("region", TEXT),
            _required("orders", LONG),
            _required("units", LONG),
            _required("revenue_cents", LONG),
            *BATCH,
            *DATE_UTC,
        ]
    ),
    GOLD_ORDER_VALUE_MINUTE: T.StructType(
        [
            _required("minute_utc", INSTANT),
            _required("region", TEXT),
            _required("channel", TEXT),
            _required("orders", LONG),
            _required("revenue_cents", LONG),
            *BATCH,
            *DATE_UTC,
        ]
    ),
}
