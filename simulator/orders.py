"""Drawn baskets as contract-true orders: the JSON that goes to Kafka and what the manifest keeps of it."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from lake.contract import CHANNELS, PAYMENT_METHODS, SCHEMA_VERSIONS
from simulator.catalogue import make_customers, make_products
from simulator.draws import CHANNEL_STORE, Baskets, Dice, Integers, Numbers
from simulator.regions import REGIONS

# Producers go over to a new version last, the simulator too.
SCHEMA_VERSION = SCHEMA_VERSIONS[0]


@dataclass(slots=True)
class Event:
    """
    One record for Kafka, with what the oracle must know of it.

    `reasons` is what a quarantined record must be rejected for; empty for a record that follows the contract.
    Of a record that does not, time, region and amounts are those of the order it was made from.
    """

    seq: int
    event_id: str
    order_id: str
    payload: bytes | None
    ordered_at_ms: int
    region: str
    channel: str
    units: int
    goods_cents: int
    total_cents: int
    content_hash: int
    fault: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def hour_utc(self) -> int:
        """Start of the order's hour, in seconds since 1970."""
        return self.ordered_at_ms // 3_600_000 * 3_600


def content_hash(content: str) -> int:
    """64 bits of what an order says, its event_id aside."""
    return int.from_bytes(blake2b(content.encode(), digest_size=8).digest(), "big", signed=True)


def with_event_id(event_id: str, content: str) -> bytes:
    """The record: `content` is every field but the first two."""
    return f'{{"schema_version":{SCHEMA_VERSION},"event_id":"{event_id}",{content}'.encode()


class OrderFactory:
    """Makes good orders. The same seeds give the same orders, byte for byte."""

    def __init__(self, seed: int, *, catalogue_seed: int = 1, currency: str = "USD") -> None:
        self.products = make_products(catalogue_seed)
        self._customers = [[c.json_fields for c in region] for region in make_customers(catalogue_seed)]
        self._product_fields = [p.json_fields for p in self.products]
        self._dice = Dice(self.products, catalogue_seed)
        self._seed = seed
        self._currency = currency

    def make(self, first_seq: int, numbers: Numbers, ordered_at_ms: Integers) -> list[Event]:
        """One order per row of `numbers`, the first with sequence number `first_seq`."""
        if len(ordered_at_ms) == 0:
            return []
        baskets = self._dice.baskets(numbers, ordered_at_ms)
        ends = np.cumsum(baskets.line_count)
        lines = self._render_lines(baskets, ends)
        columns = (ends - baskets.line_count, ends, baskets.region, baskets.customer, baskets.channel,
                   baskets.payment, baskets.shipping, baskets.tax, baskets.total, baskets.order_units,
                   baskets.goods, ordered_at_ms)  # fmt: skip
        rows = zip(_rfc3339(ordered_at_ms, baskets), *(c.tolist() for c in columns), strict=True)
        return [
            self._event(seq, time, ",".join(lines[start:end]), *order)
            for seq, (time, start, end, *order) in enumerate(rows, first_seq)
        ]

    def _event(
        self, seq: int, time: str, lines: str, region: int, customer: int, channel: int, payment: int,
        shipping: int, tax: int, total: int, units: int, goods: int, ordered_at_ms: int,
    ) -> Event:  # fmt: skip
        order_id, event_id = f"o-{self._seed}-{seq}", f"e-{self._seed}-{seq}"
        # Pasted together as text: an encoder and its dictionaries would cost most of the speed.
        content = (
            f'"order_id":"{order_id}","ordered_at":"{time}",{self._customers[region][customer]}'
            f',"channel":"{CHANNELS[channel]}","payment_method":"{PAYMENT_METHODS[payment]}"'
            f',"currency":"{self._currency}","lines":[{lines}]'
            f',"shipping_cents":{shipping},"tax_cents":{tax},"total_cents":{total}}}'
        )
        return Event(
            seq, event_id, order_id, with_event_id(event_id, content), ordered_at_ms, REGIONS[region].name,
            CHANNELS[channel], units, goods, total, content_hash(content),
        )  # fmt: skip

    def _render_lines(self, baskets: Baskets, ends: Integers) -> list[str]:
        first_of_order = np.repeat(ends - baskets.line_count, baskets.line_count)
        numbers = np.arange(1, len(baskets.product) + 1) - first_of_order
        columns = (numbers, baskets.product, baskets.units, baskets.price, baskets.discount)
        fields = self._product_fields
        return [
            f'{{"line_no":{number},{fields[product]},"quantity":{units}'
            f',"unit_price_cents":{price},"discount_cents":{discount}}}'
            for number, product, units, price, discount in zip(*(c.tolist() for c in columns), strict=True)
        ]


def _rfc3339(ordered_at_ms: Integers, baskets: Baskets) -> list[str]:
    """UTC with `Z`; tills in the stores write their local time."""
    offsets = np.array([r.utc_offset_minutes * 60_000 for r in REGIONS])
    zones = [r.utc_offset for r in REGIONS]
    in_store = baskets.channel == CHANNEL_STORE
    local = ordered_at_ms + np.where(in_store, offsets[baskets.region], 0)
    stamps = np.datetime_as_string(local.astype("datetime64[ms]")).tolist()
    suffix = [
        zones[r] if store else "Z"
        for r, store in zip(baskets.region.tolist(), in_store.tolist(), strict=True)
    ]
    return [stamp + zone for stamp, zone in zip(stamps, suffix, strict=True)]
