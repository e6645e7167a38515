"""
The random numbers behind the orders, drawn with numpy a block at a time.

Every event has its own row of numbers, fixed by (seed, sequence number) alone, so the orders do not depend
on how fast or in how large pieces they are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.catalogue import CUSTOMERS_PER_REGION, Product
from simulator.regions import DAY_CURVE, REGIONS

MAX_LINES = 8
MAX_UNITS = 12
BLOCK = 2_048
SLOT_MINUTES = 10
SLOTS_PER_DAY = 24 * 60 // SLOT_MINUTES

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Uniform numbers of consecutive events; `per_line` has (product, units, discount) of MAX_LINES lines."""

    per_order: Floats  # events x (region, customer, channel, payment, lines, mix, late, late_by)
    per_line: Floats

    def __getitem__(self, rows: slice) -> "Numbers":
        return Numbers(self.per_order[rows], self.per_line[rows])


REGION, CUSTOMER, CHANNEL, PAYMENT, LINES, MIX, LATE, LATE_BY = range(8)


class NumberSource:
    """Rows of numbers by sequence number."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._block = -1
        self._numbers = self._draw(0)

    def _draw(self, block: int) -> Numbers:
        if block != self._block:
            generator = np.random.default_rng([self._seed, block])
            self._numbers = Numbers(generator.random((BLOCK, 8)), generator.random((BLOCK, MAX_LINES, 3)))
            self._block = block
        return self._numbers

    def rows(self, first: int, count: int) -> list[Numbers]:
        """The rows `first` to `first + count - 1`, in pieces that do not cross a block."""
        pieces = []
        while count > 0:
            block, start = divmod(first, BLOCK)
            taken = min(count, BLOCK - start)
            pieces.append(self._draw(block)[start : start + taken])
            first, count = first + taken, count - taken
        return pieces


def cumulative(weights: Floats) -> Floats:
    """Upper bounds for `pick`, along the last axis; the last is 1, so that no number falls outside."""
    bounds = np.cumsum(weights, axis=-1) / np.sum(weights, axis=-1, keepdims=True)
    bounds[..., -1] = 1.0
    return bounds


def pick(bounds: Floats, uniform: Floats) -> Integers:
    """For each row of `bounds` the index into which its uniform number falls."""
    return (uniform[:, None] >= bounds).sum(axis=1)


def demand_by_slot() -> Floats:
    """Orders wanted in each ten minutes of a UTC day (rows), by region (columns)."""
    minutes = np.arange(SLOTS_PER_DAY) * SLOT_MINUTES
    hours = np.arange(25)
    curve = np.array([*DAY_CURVE, DAY_CURVE[0]])
    local = [np.interp((minutes + r.utc_offset_minutes) % 1_440 / 60, hours, curve) for r in REGIONS]
    return np.stack([r.weight * demand for r, demand in zip(REGIONS, local, strict=True)], axis=1)


def product_bounds(products: Sequence[Product], seed: int) -> Floats:
    """Popularity of the products by region: a few sell very well, most hardly; regions differ."""
    generator = np.random.default_rng([seed, 7])
    rank = generator.permutation(len(products))
    popularity = 1.0 / (rank + 3.0) ** 0.95
    taste = generator.lognormal(0.0, 0.35, size=(len(REGIONS), len(products)))
    return cumulative(popularity * taste)


@dataclass(frozen=True, slots=True)
class Baskets:
    """Drawn orders as arrays: one element per order, and per line in the order of the orders."""

    region: Integers
    customer: Integers
    channel: Integers
    payment: Integers
    line_count: Integers
    shipping: Integers
    tax: Integers
    total: Integers
    order_units: Integers
    goods: Integers
    product: Integers
    units: Integers
    price: Integers
    discount: Integers


class Dice:
    """Turns uniform numbers into baskets."""

    def __init__(self, products: Sequence[Product], seed: int) -> None:
        self._prices = np.array([p.price_cents for p in products], dtype=np.int64)
        self._products = product_bounds(products, seed)
        self._regions = cumulative(demand_by_slot())
        self._channels = cumulative(np.array([r.channels for r in REGIONS]))
        self._payments = cumulative(np.array([r.payments for r in REGIONS]))
        self._more_lines = np.array([r.more_lines for r in REGIONS])
        self._more_units = np.array([r.more_units for r in REGIONS])
        self._shipping = np.array([r.shipping_cents for r in REGIONS])
        self._free_shipping = np.array([r.free_shipping_cents for r in REGIONS])
        self._tax = np.array([r.tax_percent for r in REGIONS])

    def baskets(self, numbers: Numbers, ordered_at_ms: Integers) -> Baskets:
        """One basket per row of `numbers`, for orders placed at `ordered_at_ms`."""
        order = numbers.per_order
        slot = ordered_at_ms // (SLOT_MINUTES * 60_000) % SLOTS_PER_DAY
        region = pick(self._regions[slot], order[:, REGION])
        channel = pick(self._channels[region], order[:, CHANNEL])
        line_count = 1 + _geometric(order[:, LINES], self._more_lines[region], MAX_LINES - 1)
        in_basket = np.arange(MAX_LINES) < line_count[:, None]
        product, units, price, discount = self._lines(
            numbers.per_line[in_basket], np.repeat(region, line_count)
        )
        starts = np.concatenate(([0], np.cumsum(line_count)[:-1]))
        goods = np.add.reduceat(units * price - discount, starts)
        at_till = channel == CHANNEL_STORE
        shipping = np.where(at_till | (goods >= self._free_shipping[region]), 0, self._shipping[region])
        tax = goods * self._tax[region] // 100
        return Baskets(
            region=region,
            customer=(order[:, CUSTOMER] * CUSTOMERS_PER_REGION).astype(np.int64),
            channel=channel,
            payment=pick(self._payments[region], order[:, PAYMENT]),
            line_count=line_count,
            shipping=shipping,
            tax=tax,
            total=goods + shipping + tax,
            order_units=np.add.reduceat(units, starts),
            goods=goods,
            product=product,
            units=units,
            price=price,
            discount=discount,
        )

    def _lines(self, uniform: Floats, region: Integers) -> tuple[Integers, Integers, Integers, Integers]:
        product = np.empty(len(region), dtype=np.int64)
        for number, bounds in enumerate(self._products):
            here = region == number
            product[here] = np.searchsorted(bounds, uniform[here, 0], side="right")
        units = 1 + _geometric(uniform[:, 1], self._more_units[region], MAX_UNITS - 1)
        price = self._prices[product]
        # One line in seven is on offer, at 5 to 30 percent off.
        percent = np.where(uniform[:, 2] < 1 / 7, 5 + 5 * (uniform[:, 2] * 42).astype(np.int64), 0)
        return product, units, price, units * price * percent // 100


CHANNEL_STORE = 2


def _geometric(uniform: Floats, again: Floats, most: int) -> Integers:
    """How often a chance of `again` comes true in a row, at most `most` times."""
    times = np.log(np.maximum(uniform, 1e-300)) / np.log(again)
    return np.minimum(times, most).astype(np.int64)
