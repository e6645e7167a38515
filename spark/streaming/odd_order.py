"""
Judges one record in plain Python, for records that are not plainly good orders.

The rules of the lake are those in `spark/transforms/`; this is a short cut to the same verdict, for which a
test holds the two against each other. What is not certain is left to them. Of a record that is not accepted
only what silver.rejected keeps is read: its reasons, and what it claims as order_id and total_cents.
"""

import hmac
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from pyspark.sql.types import VariantVal

from lake import contract
from lake.schemas.orders import ORDER, PAYLOAD, PAYLOAD_LINE
from spark.streaming.json_object import Number, Object, Uncertain, parts_of, read_object
from spark.streaming.odd_rules import LEAST, MINUTE, MOST, REQUIRED, OrderFields, claim_of
from spark.streaming.plain_orders import KNOWN, OrderTerms
from spark.transforms.orders import NOT_CONTENT

CONTENT = [name for name in ORDER.names if name not in NOT_CONTENT]
# With a field that came to the contract since, Spark's rules are asked about every object.
IS_KNOWN = {*PAYLOAD.names, *PAYLOAD_LINE.names} == KNOWN and not contract.FIELDS_SINCE


@dataclass(slots=True)
class Judgement:
    """What `judged_orders` says of a record, as far as anybody asks."""

    reasons: set[str]
    order: dict[str, Any] = field(default_factory=dict)  # columns of ORDER; `ordered_at` in microseconds
    rescued: VariantVal | None = None
    unknown_fields: list[str] | None = None
    is_late: bool = False
    order_hash: str | None = None


def judge(value: bytes | None, arrived: int, terms: OrderTerms) -> Judgement:
    """
    Judge a record by the contract alone.

    Args:
        arrived: when, by the broker's clock, in microseconds since 1970.

    Raises:
        Uncertain: it takes Spark's rules to say.
    """
    fields, reasons = read_object(value)
    if fields is None:
        return Judgement(set(reasons))
    if reasons:
        return Judgement(set(reasons), _lenient_claim(fields))
    if not IS_KNOWN:
        raise Uncertain
    order = OrderFields(fields)
    order.judge(arrived, terms)
    if order.reasons:
        return Judgement(order.reasons, claim_of(fields))
    return _good(order, arrived, terms)


def _lenient_claim(fields: Object) -> dict[str, Any]:
    """What `from_json` reads in the first object of a text, which makes numbers texts and the like."""
    found = claim_of(fields)
    if any(value is None and name in fields for name, value in found.items()):
        raise Uncertain
    return found


def _good(order: OrderFields, arrived: int, terms: OrderTerms) -> Judgement:
    fields, lines = order.fields, order.lines or ()
    written = [{name: _plain(line.fields[name]) for name in PAYLOAD_LINE.names} for line in lines]
    email = fields.get("customer_email")
    kept = {
        **{name: _plain(fields[name]) for name in REQUIRED},
        "ordered_at": order.ordered_at,
        "lines": sorted(written, key=lambda line: int(line["line_no"])),
    }
    if email is not None:
        kept["customer_email_hmac"] = hmac.new(terms.email_key, email.encode(), sha256).hexdigest()
    content = {name: kept[name] for name in CONTENT if name in kept}
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    rescued = _rescued(order)
    return Judgement(
        set(),
        kept,
        None if rescued is None else VariantVal.parseJson(json.dumps(rescued)),
        None if rescued is None else _names_of(rescued),
        arrived - (order.ordered_at or 0) > terms.late_after_minutes * MINUTE,
        sha256(text.encode()).hexdigest(),
    )


def _rescued(order: OrderFields) -> Object | None:
    unknown = {name: _plain(value) for name, value in order.fields.items() if name not in PAYLOAD.names}
    of_lines = [
        {name: _plain(value) for name, value in line.fields.items() if name not in PAYLOAD_LINE.names}
        for line in order.lines or ()
    ]
    rescued = {**unknown, **({"lines": of_lines} if any(of_lines) else {})}
    names = (name for part in parts_of(rescued) if isinstance(part, dict) for name in part)
    if not all(map(str.isascii, names)):
        raise Uncertain  # a VARIANT's names are sorted, and not everybody sorts these alike
    return rescued or None


def _plain(value: Any) -> Any:
    """
    The value with its numbers as Python has them.

    Raises:
        Uncertain: one is not whole, or leaves 64 bits.
    """
    if isinstance(value, Number):
        if value.whole is None or not LEAST <= value.whole <= MOST:
            raise Uncertain
        return value.whole
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value


def _names_of(rescued: Object) -> list[str]:
    in_lines = dict.fromkeys(f"lines.{name}" for line in rescued.get("lines", ()) for name in line)
    return [*(name for name in rescued if name != "lines"), *in_lines]
