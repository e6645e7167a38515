"""The rules of topic `orders.v1` as plain values. Source: docs/contracts/orders.md. No pyspark here."""

import csv
from pathlib import Path

# The versions of a record that are accepted, oldest first. How one is added: docs/contracts/growing.md.
SCHEMA_VERSIONS = (1,)
# Optional fields that came with a later version, and which. A record of an older version that has one has an
# unknown field, as it had before: what was said about it stays true, and bronze gives the same silver again.
FIELDS_SINCE: dict[str, int] = {}

ID_MAX_CHARACTERS = 64
PRODUCT_NAME_MAX_CHARACTERS = 200
CATEGORY_MAX_CHARACTERS = 100
MAX_LINES = 200
MAX_LINE_NO = 2_147_483_647
MAX_QUANTITY = 10_000
MAX_UNIT_PRICE_CENTS = 100_000_000
# Shipping and tax above this are absurd; the bound also keeps every sum inside 64 bits.
MAX_CHARGE_CENTS = 10_000_000_000_000
MAX_RECORD_BYTES = 1_048_576
# Levels of arrays and objects. Some readers of nested values call themselves for each, on a stack that ends.
MAX_NESTING = 200

MAX_FUTURE_MINUTES = 5
MAX_AGE_DAYS = 400

CHANNELS = ("web", "mobile", "store", "marketplace")
PAYMENT_METHODS = ("card", "paypal", "transfer", "gift_card", "cash")

# Why a record is quarantined: the closed list, in the order in which reasons are reported.
# What is wrong inside a line carries its own code and `line_invalid`.
REASONS = (
    "empty",
    "too_large",
    "not_utf8",
    "not_json",
    "trailing_data",
    "duplicate_key",
    "not_object",
    "schema_version_unknown",
    "field_missing",
    "wrong_type",
    "out_of_range",
    "bad_time",
    "future_time",
    "too_old",
    "currency_unsupported",
    "value_unknown",
    "nul_character",
    "total_mismatch",
    "line_invalid",
    "order_conflict",
)

CONFLICT = "order_conflict"

# What became of a record that is not in silver.
DUPLICATE = "duplicate"
QUARANTINED = "quarantined"


def _reference(name: str, column: str) -> tuple[str, ...]:
    path = Path(__file__).parent / "reference" / f"{name}.csv"
    with path.open(newline="", encoding="utf-8") as rows:
        return tuple(row[column] for row in csv.DictReader(rows))


REGIONS = _reference("regions", "region")
COUNTRIES = _reference("countries", "country")
