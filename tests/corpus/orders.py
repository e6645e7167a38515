"""JSON objects that break the order's rules, one or several, or just do not."""

from datetime import timedelta, timezone

from lake.contract import MAX_CHARGE_CENTS
from tests.corpus.message import changed, edited
from tests.orders import ARRIVED_AT, line

TAX = '"tax_cents": 50'
LINE = ("out_of_range", "line_invalid")
PLACED = ARRIVED_AT - timedelta(minutes=10)
ISO = PLACED.isoformat()


def lines(count: int, **changes: object) -> dict[str, object]:
    """So many lines of 1,900 cents each, and the total that they make."""
    return {
        "lines": [line(line_no=number, **changes) for number in range(1, count + 1)],
        "total_cents": 1_900 * count + 250,
    }


ORDERS = (
    changed("version 2", "schema_version_unknown", schema_version=2),
    changed("version 0", "schema_version_unknown", schema_version=0),
    changed("no region", "field_missing", region=...),
    changed("a key in capitals", "field_missing", channel=..., Channel="web"),
    changed("a line without its name", "field_missing", "line_invalid",
            lines=[{k: v for k, v in line().items() if k != "product_name"}]),
    changed("order_id as a number", "wrong_type", order_id=4711),
    changed("region null", "wrong_type", region=None),
    changed("e-mail as a number", "wrong_type", customer_email=7),
    changed("tax as text", "wrong_type", tax_cents="50"),
    changed("tax as boolean", "wrong_type", tax_cents=True),
    edited("tax as decimal", TAX, '"tax_cents": 50.0', "wrong_type"),
    edited("tax with an exponent", TAX, '"tax_cents": 5e1', "wrong_type"),
    edited("tax with a huge exponent", TAX, '"tax_cents": 5e30', "wrong_type"),
    edited("tax just within 64 bits, as decimal", TAX, '"tax_cents": 9223372036854775807.0', "wrong_type"),
    changed("region as a number", "wrong_type", region=5),
    changed("customer_id as a long object", "wrong_type", customer_id={"id": "c" * 65}),
    changed("customer_id as a long number", "wrong_type", customer_id=10**70),
    changed("product_id as a long number", "wrong_type", "line_invalid", lines=[line(product_id=10**70)]),
    changed("a null among the lines", "wrong_type", "line_invalid", lines=[line(), None]),
    changed("201 lines that are texts", "wrong_type", *LINE, lines=["kettle"] * 201),
    changed("one line of text, the other too many", "wrong_type", *LINE,
            lines=[line(quantity="2"), line(line_no=2, quantity=10_001)]),
    changed("lines as an object", "wrong_type", lines={"line_no": 1}),
    changed("a line that is a text", "wrong_type", "line_invalid", lines=["kettle"]),
    changed("quantity as text", "wrong_type", "line_invalid", lines=[line(quantity="2")]),
    changed("order_id empty", "out_of_range", order_id=""),
    changed("customer_id of 65", "out_of_range", customer_id="c" * 65),
    changed("customer_id of 64 large characters", customer_id="🦜" * 64),
    changed("customer_id of 65 large characters", "out_of_range", customer_id="🦜" * 65),
    changed("shipping below zero", "out_of_range", shipping_cents=-1, total_cents=1_949),
    changed("shipping absurd", "out_of_range", shipping_cents=MAX_CHARGE_CENTS + 1,
            total_cents=1_950 + MAX_CHARGE_CENTS + 1),
    changed("total beyond 64 bits", "out_of_range", total_cents=10**20),
    changed("total of 40 digits", "out_of_range", total_cents=10**39),
    changed("version of 21 digits", "out_of_range", schema_version=10**20),
    changed("line number beyond 32 bits", *LINE, lines=[line(line_no=2**31)]),
    changed("quantity 0", *LINE, lines=[line(quantity=0, discount_cents=0)], total_cents=250),
    changed("quantity 10,001", *LINE, lines=[line(quantity=10_001, discount_cents=0)],
            total_cents=10_001_000 + 250),
    changed("price absurd", *LINE, lines=[line(unit_price_cents=100_000_001, quantity=1, discount_cents=0)],
            total_cents=100_000_001 + 250),
    changed("discount above the price", *LINE, lines=[line(discount_cents=2_001)], total_cents=249),
    changed("line number 0", *LINE, lines=[line(line_no=0)]),
    changed("no lines", *LINE, lines=[], total_cents=250),
    changed("201 lines", *LINE, **lines(201)),
    changed("200 lines", **lines(200)),
    changed("a line number twice", "line_invalid", lines=[line(), line()], total_cents=4_050),
    changed("time without zone", "bad_time", ordered_at=ISO.removesuffix("+00:00")),
    changed("31 February", "bad_time", ordered_at="2026-02-31T12:00:00Z"),
    changed("24 o'clock", "bad_time", ordered_at="2026-11-21T24:00:00Z"),
    changed("leap second", "bad_time", ordered_at="2026-11-21T23:59:60Z"),
    changed("offset of 25 hours", "bad_time", ordered_at="2026-11-22T11:50:00+25:00"),
    changed("offset of 18 hours and a minute", "bad_time", ordered_at="2026-11-22T11:50:00-18:01"),
    changed("time and a line break", "bad_time", ordered_at="2026-11-22T11:50:00Z\n"),
    changed("time and a blank", "bad_time", ordered_at="2026-11-22T11:50:00Z "),
    changed("ten digits of a second", "bad_time", ordered_at="2026-11-22T11:50:00.1234567891Z"),
    changed("a space for the T", ordered_at="2026-11-22 11:50:00Z"),
    changed("a day alone", "bad_time", ordered_at="2026-11-22"),
    changed("epoch milliseconds", "bad_time", "wrong_type", ordered_at=1_795_348_200_000),
    changed("small letters", ordered_at=PLACED.strftime("%Y-%m-%dt%H:%M:%Sz")),
    changed("far east", ordered_at=PLACED.astimezone(timezone(timedelta(hours=14))).isoformat()),
    changed("offset -00:00", ordered_at=ISO.replace("+00:00", "-00:00")),
    changed("nanoseconds", ordered_at=ISO.replace("+00:00", ".123456789Z")),
    changed("one hour ahead", "future_time", ordered_at=(ARRIVED_AT + timedelta(hours=1)).isoformat()),
    changed("year 9999", "future_time", ordered_at="9999-12-31T23:59:59Z"),
    changed("five minutes ahead", ordered_at=(ARRIVED_AT + timedelta(minutes=5)).isoformat()),
    changed("a moment more than that", "future_time",
            ordered_at=(ARRIVED_AT + timedelta(minutes=5, milliseconds=1)).isoformat()),
    changed("400 days old", ordered_at=(ARRIVED_AT - timedelta(days=400)).isoformat()),
    changed("a second older", "too_old",
            ordered_at=(ARRIVED_AT - timedelta(days=400, seconds=1)).isoformat()),
    changed("year 1", "too_old", ordered_at="0001-01-01T00:00:00Z"),
    changed("euro", "currency_unsupported", currency="EUR"),
    changed("dollars in small letters", "currency_unsupported", currency="usd"),
    changed("region unknown", "value_unknown", region="MARS"),
    changed("UK is GB", "value_unknown", country="UK"),
    changed("channel in capitals", "value_unknown", channel="WEB"),
    changed("a cent too much", "total_mismatch", total_cents=2_151),
    changed("tax left out", "total_mismatch", total_cents=2_100),
    changed("three rules at once", "currency_unsupported", "value_unknown", "total_mismatch",
            currency="EUR", payment_method="barter", total_cents=1),
)  # fmt: skip
