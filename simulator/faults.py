"""
Records that break the contract, each kind by name, with the reasons it must be quarantined for.

A maker turns a good order into bytes. A fault breaks exactly the rules it is named for: where it changes
amounts, the order is summed up again, so that the total is right.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lake import contract

Order = dict[str, Any]
Maker = Callable[[Order, datetime], bytes | None]  # the order and the time now
NEXT_VERSION = contract.SCHEMA_VERSIONS[-1] + 1
REQUIRED_FIELDS = (
    "schema_version", "event_id", "order_id", "ordered_at", "customer_id", "region", "country", "channel",
    "payment_method", "currency", "lines", "shipping_cents", "tax_cents", "total_cents",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of bad record. No reasons: it looks odd, but follows the contract and must be accepted."""

    name: str
    make: Maker
    reasons: frozenset[str] = field(default_factory=frozenset)


def dumped(order: Any) -> bytes:
    return json.dumps(order, separators=(",", ":"), ensure_ascii=False).encode()


def summed(order: Order) -> Order:
    """The order with the total that its amounts make."""
    goods = sum(n["quantity"] * n["unit_price_cents"] - n["discount_cents"] for n in order["lines"])
    return order | {"total_cents": goods + order["shipping_cents"] + order["tax_cents"]}


def fixed(value: bytes | None) -> Maker:
    return lambda order, now: value


def text(change: Callable[[bytes], bytes]) -> Maker:
    """Change the record's bytes."""
    return lambda order, now: change(dumped(order))


def edited(**fields: Any) -> Maker:
    """Put other values into the order's fields; the total is left alone."""
    return lambda order, now: dumped(order | fields)


def without(name: str) -> Maker:
    return lambda order, now: dumped({key: value for key, value in order.items() if key != name})


def summed_edit(**fields: Any) -> Maker:
    """Put other amounts into the order's fields and sum it up again."""
    return lambda order, now: dumped(summed(order | fields))


def line_edited(**fields: Any) -> Maker:
    """Put other values into the first line's fields; the total is left alone."""
    return lambda order, now: dumped(order | {"lines": [order["lines"][0] | fields, *order["lines"][1:]]})


def line_without(name: str) -> Maker:
    def cut(line: Order) -> Order:
        return {key: value for key, value in line.items() if key != name}

    return lambda order, now: dumped(order | {"lines": [cut(order["lines"][0]), *order["lines"][1:]]})


def summed_line(**fields: Any) -> Maker:
    """Put other amounts into the first line's fields and sum up the order again."""
    return lambda order, now: dumped(
        summed(order | {"lines": [order["lines"][0] | fields, *order["lines"][1:]]})
    )


def ordered(shift: Callable[[datetime], str]) -> Maker:
    """Place the order at a time reckoned from now."""
    return lambda order, now: dumped(order | {"ordered_at": shift(now)})


def rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_milliseconds(order: Order, now: datetime) -> bytes:
    return dumped(order | {"ordered_at": int(now.timestamp() * 1000)})


def no_zone(order: Order, now: datetime) -> bytes:
    return dumped(order | {"ordered_at": rfc3339(now)[:-1]})


def extra_byte_in_name(order: Order, now: datetime) -> bytes:
    return dumped(order).replace(b'"product_name":"', b'"product_name":"\xff', 1)


def repeated_total(order: Order, now: datetime) -> bytes:
    return dumped(order)[:-1] + f',"total_cents":{order["total_cents"]}}}'.encode()


def repeated_escaped(order: Order, now: datetime) -> bytes:
    # The same key, once spelt with an escape: parsers that compare the raw text miss it.
    return dumped(order)[:-1] + rb',"region\u005f":"AMER","region_":"EMEA"}'


def repeated_in_line(order: Order, now: datetime) -> bytes:
    return dumped(order).replace(b'"quantity":', b'"quantity":1,"quantity":', 1)


def repeated_line_no(order: Order, now: datetime) -> bytes:
    return dumped(summed(order | {"lines": [order["lines"][0], order["lines"][0]]}))


def too_many_lines(order: Order, now: datetime) -> bytes:
    lines = [order["lines"][0] | {"line_no": number} for number in range(1, contract.MAX_LINES + 2)]
    return dumped(summed(order | {"lines": lines}))


def greedy_discount(order: Order, now: datetime) -> bytes:
    line = order["lines"][0]
    worth = line["quantity"] * line["unit_price_cents"]
    # Shipping takes up the cent, or the total of a small order would be below zero.
    return dumped(
        summed(
            order
            | {
                "lines": [line | {"discount_cents": worth + 1}, *order["lines"][1:]],
                "shipping_cents": 1 + worth,
            }
        )
    )


def wrong_total(order: Order, now: datetime) -> bytes:
    return dumped(order | {"total_cents": order["total_cents"] + 1})


def two_faults(order: Order, now: datetime) -> bytes:
    return dumped(order | {"region": "MARS", "total_cents": order["total_cents"] + 100})


def three_faults(order: Order, now: datetime) -> bytes:
    return dumped(
        order | {"currency": "EUR", "channel": "fax", "ordered_at": rfc3339(now - timedelta(days=500))}
    )


def oversized(order: Order, now: datetime) -> bytes:
    return dumped(order | {"note": "x" * (contract.MAX_RECORD_BYTES + 1)})


def strange_name(name: str) -> Maker:
    """A text that tempts somebody to run, render or mangle it; its product id keeps the catalogue clean."""
    return line_edited(product_id="P-STRANGE", product_name=name, category="Strange")


def fault(name: str, make: Maker, *reasons: str) -> Fault:
    unknown = set(reasons) - set(contract.REASONS)
    assert not unknown, unknown  # noqa: S101
    return Fault(name, make, frozenset(reasons))


# An amount out of its range, in a line, breaks the amount's rule and makes the line invalid.
BAD_LINE = ("out_of_range", "line_invalid")

UNREADABLE = (
    fault("null_value", fixed(None), "empty"),
    fault("empty_value", fixed(b""), "empty"),
    fault("blanks", fixed(b" \t\r\n "), "empty"),
    fault("truncated", text(lambda v: v[: len(v) * 2 // 3]), "not_json"),
    fault("plain_text", fixed(b"order 66, please"), "not_json"),
    fault("byte_order_mark", text(lambda v: b"\xef\xbb\xbf" + v), "not_json"),
    fault("single_quotes", text(lambda v: v.replace(b'"', b"'")), "not_json"),
    fault("not_a_number", text(lambda v: v.replace(b'"tax_cents":', b'"tax_cents":NaN,"x":', 1)), "not_json"),
    fault("nested_1200_deep", fixed(b"[" * 1_200 + b"]" * 1_200), "not_json"),
    fault("two_orders", text(lambda v: v + v), "trailing_data"),
    fault("trailing_characters", text(lambda v: v + b" thanks!"), "trailing_data"),
    fault("extra_brace", text(lambda v: v + b"}"), "trailing_data"),
    fault("array_of_orders", text(lambda v: b"[" + v + b"]"), "not_object"),
    fault("json_text", fixed(b'"order"'), "not_object"),
    fault("json_null", fixed(b"null"), "not_object"),
    fault("not_utf8", extra_byte_in_name, "not_utf8"),
    fault("utf16", text(lambda v: v.decode().encode("utf-16")), "not_utf8"),
    fault("repeated_key", repeated_total, "duplicate_key"),
    fault("repeated_key_escaped", repeated_escaped, "duplicate_key"),
    fault("repeated_key_in_line", repeated_in_line, "duplicate_key"),
    fault("over_1_mib", oversized, "too_large"),
)

WRONG_FIELDS = (
    *(fault(f"without_{name}", without(name), "field_missing") for name in REQUIRED_FIELDS),
    fault("line_without_quantity", line_without("quantity"), "field_missing", "line_invalid"),
    fault(f"schema_version_{NEXT_VERSION}", edited(schema_version=NEXT_VERSION), "schema_version_unknown"),
    fault("order_id_number", edited(order_id=4711), "wrong_type"),
    fault("tax_text", edited(tax_cents="12"), "wrong_type"),
    fault("shipping_decimal", edited(shipping_cents=10.5), "wrong_type"),
    fault("total_boolean", edited(total_cents=True), "wrong_type"),
    fault("quantity_text", line_edited(quantity="2"), "wrong_type", "line_invalid"),
    fault("lines_object", edited(lines={"line_no": 1}), "wrong_type"),
    fault("email_number", edited(customer_email=7), "wrong_type"),
    fault("customer_id_empty", edited(customer_id=""), "out_of_range"),
    fault("event_id_65_characters", edited(event_id="e" * 65), "out_of_range"),
    fault("quantity_negative", summed_line(quantity=-1, discount_cents=0), *BAD_LINE),
    fault("quantity_zero", summed_line(quantity=0, discount_cents=0), *BAD_LINE),
    fault("price_absurd", summed_line(unit_price_cents=10**9), *BAD_LINE),
    fault("shipping_negative", summed_edit(shipping_cents=-1), "out_of_range"),
    fault("total_beyond_64_bits", edited(total_cents=10**20), "out_of_range"),
    fault("lines_201", too_many_lines, *BAD_LINE),
    fault("time_epoch_milliseconds", epoch_milliseconds, "bad_time", "wrong_type"),
    fault("time_without_zone", no_zone, "bad_time"),
    fault("time_31_february", edited(ordered_at="2026-02-31T12:00:00Z"), "bad_time"),
    fault("time_in_words", edited(ordered_at="yesterday"), "bad_time"),
    fault("time_year_9999", edited(ordered_at="9999-12-31T23:59:59Z"), "future_time"),
    fault("time_one_hour_ahead", ordered(lambda now: rfc3339(now + timedelta(hours=1))), "future_time"),
    fault("time_401_days_ago", ordered(lambda now: rfc3339(now - timedelta(days=401))), "too_old"),
    fault("currency_euro", edited(currency="EUR"), "currency_unsupported"),
    fault("region_unknown", edited(region="MARS"), "value_unknown"),
    fault("country_unknown", edited(country="XX"), "value_unknown"),
    fault("channel_unknown", edited(channel="fax"), "value_unknown"),
    fault("payment_unknown", edited(payment_method="barter"), "value_unknown"),
    fault("nul_in_name", line_edited(product_name="half a \x00 name"), "nul_character"),
    fault("total_off_by_a_cent", wrong_total, "total_mismatch"),
    fault("line_no_repeated", repeated_line_no, "line_invalid"),
    fault("discount_above_price", greedy_discount, *BAD_LINE),
    fault("region_and_total", two_faults, "value_unknown", "total_mismatch"),
    fault("currency_channel_time", three_faults, "currency_unsupported", "value_unknown", "too_old"),
)

ODD_BUT_GOOD = (
    fault("looks_like_sql", strange_name("'); DROP TABLE silver.orders; --")),
    fault("looks_like_html", strange_name("<img src=x onerror=alert(1)>")),
    fault("looks_like_a_formula", strange_name("=HYPERLINK(\"x\";\"click\")")),
    fault("looks_like_a_path", strange_name("../../etc/passwd")),
    fault("right_to_left", strange_name("‮قميص أزرق")),
    fault("four_byte_characters", strange_name("🦜 Kaffee 𝔘𝔫𝔦")),
    fault("unknown_fields", edited(gift_note="for you", loyalty={"points": 12})),
    fault("without_email", without("customer_email")),
)  # fmt: skip

FAULTS = (*UNREADABLE, *WRONG_FIELDS, *ODD_BUT_GOOD)
