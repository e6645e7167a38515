"""Every rule of the contract, one broken record at a time, in one pass through the real expressions."""

import json
from typing import Any

import pytest

from lake.contract import REASONS
from spark.transforms.order_rules import with_reasons
from spark.transforms.order_shape import with_order, with_rescued
from tests.orders import ARRIVED_AT, kafka_records, line, order

pytestmark = pytest.mark.spark

MIB = 1_048_576
TEXT = json.dumps(order())


def with_line(**changes: Any) -> dict[str, Any]:
    return order(lines=[{k: v for k, v in line(**changes).items() if v is not ...}])


GOOD = {
    "plain": order(),
    "without e-mail": order(customer_email=...),
    "two lines": order(lines=[line(), line(line_no=2)], total_cents=4_050),
    "unknown field": order(coupon="X"),
    "unknown field in a line": with_line(gift=True),
    "surrounded by blanks": f" \n{TEXT}\t ",
    "escaped field name": TEXT.replace('"region"', '"\\u0072egion"'),
    "looks like SQL": order(customer_id="'; drop table marts.fct_orders; --"),
    "looks like a formula": with_line(product_name="=HYPERLINK(1)"),
    "right to left and four bytes": with_line(product_name="\u202eשלום 🛒"),
    "64 four-byte characters": order(customer_id="🛒" * 64),
    "digits as text": order(customer_id="12345"),
    "an escaped backslash before u0000": order(customer_id="C\\u0000"),
    "Z, lower case, fraction": order(ordered_at="2026-11-22t11:59:59.123456789z"),
    "another offset": order(ordered_at="2026-11-22T17:29:00+05:30"),
    "five minutes ahead": order(ordered_at="2026-11-22T12:05:00Z"),
    "400 days old": order(ordered_at="2025-10-18T12:00:00Z"),
    "free": order(
        lines=[line(unit_price_cents=0, discount_cents=0)], shipping_cents=0, tax_cents=0, total_cents=0
    ),
    "wholly discounted": order(lines=[line(discount_cents=2_000)], total_cents=250),
    "the largest line": order(
        lines=[line(quantity=10_000, unit_price_cents=100_000_000, discount_cents=0)],
        total_cents=10**12 + 250,
    ),
    "200 lines": order(lines=[line(line_no=i + 1) for i in range(200)], total_cents=200 * 1_900 + 250),
}

BAD = {
    "null": (None, ["empty"]),
    "no bytes": (b"", ["empty"]),
    "blanks": (b" \r\n\t", ["empty"]),
    "too large": (b'"' + b"x" * MIB + b'"', ["too_large"]),
    "not UTF-8": (TEXT.encode().replace(b"Kettle", b"K\xff\xfe"), ["not_utf8"]),
    "plain text": ("hello", ["not_json"]),
    "cut off": (TEXT[:-1], ["not_json"]),
    "byte-order mark": (b"\xef\xbb\xbf" + TEXT.encode(), ["not_json"]),
    "nested 1,200 deep": ("[" * 1_200 + "]" * 1_200, ["not_json"]),
    "not a number": (TEXT.replace("2150", "NaN"), ["not_json"]),
    "single quotes": (TEXT.replace('"', "'"), ["not_json"]),
    "half a surrogate pair": (TEXT.replace("Kettle", "\\ud800"), ["not_json"]),
    "two orders": (TEXT + TEXT, ["trailing_data"]),
    "two orders and a comma": (f"{TEXT},{TEXT}", ["trailing_data"]),
    "a bracket too many": (TEXT + "]", ["trailing_data"]),
    "closes our frame": (f"{TEXT}],[{TEXT}", ["trailing_data"]),
    "trailing text": (TEXT + " x", ["trailing_data"]),
    "a key twice": (TEXT[:-1] + ', "region": "APAC"}', ["duplicate_key"]),
    "a key twice, escaped": (TEXT[:-1] + ', "\\u0072egion": "APAC"}', ["duplicate_key"]),
    "a key twice in a line": (TEXT.replace('"line_no": 1', '"line_no": 1, "line_no": 1'), ["duplicate_key"]),
    "array of orders": (f"[{TEXT}]", ["not_object"]),
    "a text": ('"order"', ["not_object"]),
    "null as JSON": ("null", ["not_object"]),
    "version 2": (order(schema_version=2), ["schema_version_unknown"]),
    "a field missing": (order(region=...), ["field_missing"]),
    "a field missing in a line": (with_line(category=...), ["field_missing", "line_invalid"]),
    "missing in the second line only": (
        order(lines=[line(), {"line_no": 2}]),
        ["field_missing", "line_invalid"],
    ),
    "empty object": ("{}", ["field_missing"]),
    "wrong case": (TEXT.replace('"region"', '"Region"'), ["field_missing"]),
    "null instead of a text": (order(region=None), ["wrong_type"]),
    "null instead of an e-mail": (order(customer_email=None), ["wrong_type"]),
    "amount as text": (order(total_cents="2150"), ["wrong_type"]),
    "amount as decimal": (TEXT.replace("2150", "2150.0"), ["wrong_type"]),
    "amount with exponent": (TEXT.replace("2150", "2.15e3"), ["wrong_type"]),
    "amount as boolean": (order(tax_cents=True), ["wrong_type"]),
    "order_id as number": (order(order_id=17), ["wrong_type"]),
    "lines as object": (order(lines={}), ["wrong_type"]),
    "a line that is a text": (order(lines=[line(), "x"]), ["wrong_type", "line_invalid"]),
    "price as text in a line": (with_line(unit_price_cents="1000"), ["wrong_type", "line_invalid"]),
    "more than 64 bits": (order(total_cents=2**63), ["out_of_range"]),
    "more than 128 bits": (order(total_cents=10**37), ["out_of_range"]),
    "empty order_id": (order(order_id=""), ["out_of_range"]),
    "65 characters": (order(customer_id="x" * 65), ["out_of_range"]),
    "negative shipping": (order(shipping_cents=-200, total_cents=1_750), ["out_of_range"]),
    "negative quantity": (
        order(lines=[line(quantity=-1, discount_cents=0)], total_cents=-750),
        ["out_of_range", "line_invalid"],
    ),
    "quantity 10,001": (
        order(lines=[line(quantity=10_001, discount_cents=0)], total_cents=10_001_250),
        ["out_of_range", "line_invalid"],
    ),
    "a sum beyond 64 bits": (
        order(lines=[line(quantity=2**62, unit_price_cents=2**62)]),
        ["out_of_range", "line_invalid"],
    ),
    "discount above the price": (
        order(lines=[line(discount_cents=2_001)], total_cents=249),
        ["out_of_range", "line_invalid"],
    ),
    "long name": (with_line(product_name="x" * 201), ["out_of_range", "line_invalid"]),
    "no lines": (order(lines=[], total_cents=250), ["out_of_range", "line_invalid"]),
    "201 lines": (
        order(lines=[line(line_no=i + 1) for i in range(201)], total_cents=201 * 1_900 + 250),
        ["out_of_range", "line_invalid"],
    ),
    "line number twice": (order(lines=[line(), line()], total_cents=4_050), ["line_invalid"]),
    "epoch milliseconds": (order(ordered_at=1_763_812_800_000), ["wrong_type", "bad_time"]),
    "epoch milliseconds as text": (order(ordered_at="1763812800000"), ["bad_time"]),
    "no zone": (order(ordered_at="2026-11-22T11:50:00"), ["bad_time"]),
    "31 February": (order(ordered_at="2026-02-31T11:50:00Z"), ["bad_time"]),
    "hour 24": (order(ordered_at="2026-11-21T24:00:00Z"), ["bad_time"]),
    "only a date": (order(ordered_at="2026-11-22"), ["bad_time"]),
    "year 9999": (order(ordered_at="9999-12-31T23:59:59Z"), ["future_time"]),
    "six minutes ahead": (order(ordered_at="2026-11-22T12:06:00Z"), ["future_time"]),
    "401 days old": (order(ordered_at="2025-10-17T11:59:59Z"), ["too_old"]),
    "other currency": (order(currency="EUR"), ["currency_unsupported"]),
    "unknown region": (order(region="EU"), ["value_unknown"]),
    "unknown country": (order(country="XX"), ["value_unknown"]),
    "unknown channel": (order(channel="Web"), ["value_unknown"]),
    "NUL in a text": (order(customer_id="C\0"), ["nul_character"]),
    "total is not the sum": (order(total_cents=2_151), ["total_mismatch"]),
    "several at once": (
        order(currency="EUR", channel="fax", total_cents=1, region=...),
        ["field_missing", "currency_unsupported", "value_unknown", "total_mismatch"],
    ),
}


@pytest.fixture(scope="module", params=[(", ", ": "), (",", ":")], ids=["blanks", "compact"])
def judged(spark, request) -> dict[str, Any]:
    """Every record above, judged in one job, as two producers write it: name to row."""
    names = [*GOOD, *BAD]
    values = (*GOOD.values(), *(value for value, _ in BAD.values()))
    records = kafka_records(
        spark,
        *(
            json.dumps(value, separators=request.param, ensure_ascii=False)
            if isinstance(value, dict)
            else value
            for value in values
        ),
    )
    rows = (
        records.transform(with_order)
        .transform(with_reasons, reporting_currency="USD")
        .transform(with_rescued)
        .select("offset", "reasons", "rescued", "ordered_at")
        .orderBy("offset")
        .collect()
    )
    return dict(zip(names, rows, strict=True))


@pytest.mark.parametrize("name", GOOD)
def test_a_good_order_has_no_reasons(judged, name):
    """What the contract allows is accepted, however unusual it looks."""
    assert judged[name].reasons == []


@pytest.mark.parametrize("name", BAD)
def test_a_broken_record_carries_every_reason(judged, name):
    """Exactly the reasons that can be told apart, in the order of the closed list."""
    assert judged[name].reasons == BAD[name][1]


def test_every_reason_of_the_closed_list_is_shown():
    """Only order_conflict is missing here: it needs a second order."""
    shown = {reason for _, reasons in BAD.values() for reason in reasons}
    assert shown == set(REASONS) - {"order_conflict"}


def test_unknown_fields_are_kept(judged):
    """Both levels, with their types, and nothing for an order without unknown fields."""
    assert judged["unknown field"].rescued.toPython() == {"coupon": "X"}
    assert judged["unknown field in a line"].rescued.toPython() == {"lines": [{"gift": True}]}
    assert judged["plain"].rescued is None


def test_times_are_read_in_their_zone(judged):
    """17:29 at +05:30 is 11:59 UTC."""
    assert judged["another offset"].ordered_at.hour == 11
    assert judged["another offset"].ordered_at.minute == ARRIVED_AT.minute + 59
