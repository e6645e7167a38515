"""Hypothesis strategies: the texts of orders, good, changed in up to three ways, and repeated."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.odd_values import (
    Raw,
    bounded_times,
    evenly,
    good_times,
    names,
    numbers,
    others,
    times,
    unknown_values,
    written,
)
from tests.orders import line, order

Order = dict[str, Any]
Change = Callable[[Order], Order]
# Stands for six digits of the message's own, so that not every order is a repeat of another.
OWN_ID = "@@@@@@"
INTEGERS = ("schema_version", "shipping_cents", "tax_cents", "total_cents")
LINE_INTEGERS = ("line_no", "quantity", "unit_price_cents", "discount_cents")
TEXTS = ("event_id", "order_id", "customer_id", "customer_email", "region", "country", "channel",
         "payment_method", "currency")  # fmt: skip
LINE_TEXTS = ("product_id", "product_name", "category")


def without(name: str) -> Change:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


def renamed(name: str, other: str) -> Change:
    return lambda fields: {other if key == name else key: value for key, value in fields.items()}


def replaced(name: str, value: Any) -> Change:
    return lambda fields: {**fields, name: value}


def repeated(name: str, spelling: str, value: Any) -> Change:
    """The object with a key twice; or, if it lacks the key, just with it."""
    addition = f'"{spelling}": {written(value)}'
    return lambda fields: Raw(f"{written(fields)[:-1]}{', ' if fields else ''}{addition}}}")


def changes_of(integers: tuple[str, ...], texts: tuple[str, ...]) -> st.SearchStrategy[Change]:
    """What may happen to an object with these fields."""
    field = st.sampled_from((*integers, *texts))
    return evenly(
        st.builds(without, field),
        st.builds(renamed, field, names),
        st.builds(replaced, st.sampled_from(integers), numbers),
        st.builds(replaced, st.sampled_from(integers), others),
        st.builds(replaced, st.sampled_from(texts), others),
        st.builds(replaced, names, unknown_values),
        field.flatmap(
            lambda name: st.builds(
                repeated,
                st.just(name),
                st.sampled_from((name, f"\\u{ord(name[0]):04x}{name[1:]}", name.upper())),
                others,
            )
        ),
    )


def of_line(number: int, change: Change) -> Change:
    def apply(fields: Order) -> Order:
        lines = list(fields["lines"]) if isinstance(fields.get("lines"), list) else []
        if lines and isinstance(lines[number % len(lines)], dict):
            lines[number % len(lines)] = change(lines[number % len(lines)])
        return {**fields, "lines": lines} if lines else fields

    return apply


def with_line(value: Any, *, first: bool) -> Change:
    def apply(fields: Order) -> Order:
        lines = fields.get("lines")
        if not isinstance(lines, list):
            return fields
        return {**fields, "lines": [value, *lines] if first else [*lines, value]}

    return apply


def with_lines(count: int) -> Change:
    return lambda fields: {**fields, "lines": [line(line_no=number) for number in range(1, count + 1)]}


def turned(fields: Order) -> Order:
    """Fields and lines the other way round."""
    lines = fields.get("lines")
    fields = {**fields, "lines": lines[::-1]} if isinstance(lines, list) else fields
    return dict(reversed(fields.items()))


def summed(fields: Order) -> Order:
    """With the total that its parts make, as far as they make one."""
    try:
        goods = sum(
            int(part["quantity"]) * int(part["unit_price_cents"]) - int(part["discount_cents"])
            for part in fields["lines"]
        )
        total = goods + int(fields["shipping_cents"]) + int(fields["tax_cents"])
    except (KeyError, TypeError, ValueError):
        return fields
    return {**fields, "total_cents": total}


# The contract's own limits and what lies right behind them.
LIMITS = (
    *((name, "é" * length) for name in ("event_id", "order_id", "customer_id") for length in (0, 1, 64, 65)),
    *((name, cents) for name in ("shipping_cents", "tax_cents") for cents in (-1, 10**13, 10**13 + 1)),
)
LIMITS_IN_LINE = (
    *(("product_id", "é" * length) for length in (0, 1, 64, 65)),
    *(("product_name", "é" * length) for length in (0, 200, 201)),
    *(("category", "é" * length) for length in (0, 100, 101)),
    *(("line_no", number) for number in (0, 2**31 - 1, 2**31)),
    *(("quantity", number) for number in (0, 10_000, 10_001)),
    *(("unit_price_cents", cents) for cents in (-1, 10**8, 10**8 + 1)),
    ("discount_cents", -1),
)
to_limit = st.sampled_from(LIMITS).map(lambda field: replaced(*field))
to_limit_in_line = st.builds(
    of_line, st.integers(0, 2), st.sampled_from(LIMITS_IN_LINE).map(lambda field: replaced(*field))
)

changes = evenly(
    *[to_limit, to_limit_in_line] * 2,
    changes_of(INTEGERS, TEXTS),
    st.builds(of_line, st.integers(0, 2), changes_of(LINE_INTEGERS, LINE_TEXTS)),
    st.builds(replaced, st.just("ordered_at"), times),
    st.builds(replaced, st.just("total_cents"), st.integers(0, 10_000)),
    st.builds(replaced, st.just("lines"), others),
    st.builds(replaced, st.just("schema_version"), st.integers(-1, 3)),
    st.builds(
        replaced,
        st.sampled_from(("region", "country", "channel", "payment_method", "currency")),
        st.sampled_from(("EMEA", "DE", "US", "UK", "XX", "web", "Web", "cash", "USD", "usd", "EUR", "USD ")),
    ),
    st.builds(with_line, evenly(others, st.just(line())), first=st.booleans()),
    st.builds(with_lines, st.sampled_from((0, 1, 2, 199, 200, 201))),
    st.builds(replaced, st.sampled_from(("customer_id", "note", "no\0te")), st.sampled_from(("\0", "a\0b"))),
    st.just(turned),
)

cents = st.sampled_from((0, 1, 99, 1_000, 100_000_000))
good_lines = st.builds(
    lambda quantity, price, share: line(
        quantity=quantity, unit_price_cents=price, discount_cents=quantity * price * share // 4
    ),
    st.sampled_from((1, 2, 9_999, 10_000)),
    cents,
    st.integers(0, 4),
)


@st.composite
def changed_orders(draw: st.DrawFn) -> str:
    """A good order after up to three changes, often summed up again."""
    parts = draw(st.lists(good_lines, min_size=1, max_size=3))
    lines = [{**part, "line_no": number} for number, part in enumerate(parts, 1)]
    own = {"order_id": f"O-{OWN_ID}", "ordered_at": draw(evenly(good_times, bounded_times))}
    fields = summed(order(**own, lines=lines, shipping_cents=draw(cents), tax_cents=draw(cents)))
    for change in draw(st.lists(changes, min_size=draw(st.integers(0, 2)), max_size=3)):
        fields = change(fields) if isinstance(fields, dict) else fields
    fields = summed(fields) if isinstance(fields, dict) and draw(st.booleans()) else fields
    return written(fields, ascii_only=draw(st.booleans()))


# One order said again: the same, otherwise spelt, or with something else in it.
REPEATS: tuple[Change, ...] = (
    lambda fields: fields,
    turned,
    replaced("event_id", "E-2"),
    replaced("note", "again"),
    replaced("ordered_at", "2026-11-22T17:20:00+05:30"),
    replaced("ordered_at", "2026-11-22t11:50:00.0000009z"),
    replaced("ordered_at", "2026-11-22T11:50:00.000001Z"),
    replaced("tax_cents", Raw("-0")),
    replaced("customer_id", Raw(r'"\u0043-1"')),
    without("customer_email"),
    replaced("customer_email", ""),
    replaced("customer_id", "C-2"),
    of_line(0, replaced("category", "kitchen")),
    of_line(1, replaced("line_no", 3)),
    of_line(0, replaced("note", 1)),
    replaced("shipping_cents", 201),
)


def repeat(number: int, change: Change) -> str:
    lines = [line(), line(line_no=2, product_id="P-2")]
    return written(summed(change(order(order_id=f"O-{number}", lines=lines, tax_cents=0))))


repeats = st.builds(repeat, st.integers(0, 40), st.sampled_from(REPEATS))


def compact(text: str, is_compact: bool) -> str:
    """Without blanks, as most producers write; one inside of a text makes it another message, as good."""
    return text.replace('": ', '":').replace(", ", ",") if is_compact else text


orders = st.builds(
    compact, evenly(changed_orders(), changed_orders(), changed_orders(), repeats), st.booleans()
)
