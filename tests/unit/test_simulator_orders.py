"""The orders the simulator makes: reproducible, true to the contract, and mixed as asked."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest

from lake.contract import CHANNELS, COUNTRIES, PAYMENT_METHODS, REGIONS
from simulator import regions
from simulator.catalogue import CATEGORIES, make_products
from simulator.faults import FAULTS
from simulator.orders import Event, OrderFactory
from simulator.schedule import Plan, order_times
from simulator.traffic import LATE_FROM_MS, LATE_TO_MS, Shares, Traffic

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1_000)


@cache
def factory(seed: int = 1) -> OrderFactory:
    return OrderFactory(seed)


def events(count: int, *, seed: int = 1, pieces: int = 1, shares: Shares | None = None) -> list[Event]:
    """`count` events of one moment, asked for in `pieces`."""
    traffic = Traffic(factory(seed), seed, shares or Shares(), clock=lambda: NOW)
    sizes = [len(part) for part in np.array_split(np.arange(count), pieces)]
    return [event for size in sizes for event in traffic.next(np.full(size, NOW_MS))]


def order(event: Event) -> dict:
    return json.loads(event.payload or b"")


def test_the_same_seed_makes_the_same_bytes_in_pieces_of_any_size() -> None:
    """Neither speed nor batching changes an order."""
    shares = Shares(duplicates=0.1, late=0.1, bad=0.1, conflicts=0.1)

    assert events(5_000, shares=shares) == events(5_000, pieces=97, shares=shares)


def test_another_seed_makes_other_orders() -> None:
    """Order ids and contents differ, so that two runs do not collide."""
    assert not {e.order_id for e in events(100)} & {e.order_id for e in events(100, seed=2)}


def test_an_order_adds_up() -> None:
    """The total is the sum of lines, shipping and tax, and the manifest's amounts are those of the record."""
    for event in events(500):
        made = order(event)
        goods = sum(n["quantity"] * n["unit_price_cents"] - n["discount_cents"] for n in made["lines"])
        assert goods == event.goods_cents
        assert goods + made["shipping_cents"] + made["tax_cents"] == made["total_cents"] == event.total_cents


def test_an_order_uses_the_contract_s_values() -> None:
    """Regions, countries, channels and payment methods are those of the closed lists."""
    made = [order(e) for e in events(2_000)]

    assert {o["region"] for o in made} == set(REGIONS)
    assert {o["country"] for o in made} <= set(COUNTRIES)
    assert {o["channel"] for o in made} == set(CHANNELS)
    assert {o["payment_method"] for o in made} == set(PAYMENT_METHODS)


def test_a_written_time_is_the_manifest_s_time() -> None:
    """A till writes local time with its offset; it is the same moment."""
    for event in events(500):
        written = datetime.fromisoformat(order(event)["ordered_at"])
        assert int(written.timestamp() * 1_000) == event.ordered_at_ms == NOW_MS


def test_the_catalogue_does_not_depend_on_the_orders_seed() -> None:
    """One shop: product P-0001 is the same thing in every run."""
    products = make_products(1)

    assert len({p.product_id for p in products}) == len(products) >= 500
    assert {p.category for p in products} == set(CATEGORIES)
    assert factory(1).products == factory(2).products


def test_a_few_products_sell_most() -> None:
    """Popularity is skewed: a tenth of the products makes at least a third of the lines."""
    sold = Counter(line["product_id"] for e in events(4_000) for line in order(e)["lines"])
    top = sum(count for _, count in sold.most_common(50))

    assert top > sum(sold.values()) / 3


def test_regions_sleep_at_different_times() -> None:
    """At 06:00 UTC America sleeps and Asia is awake; at 01:00 UTC it is the other way round."""

    def asian_share(hour: int) -> float:
        at = np.full(3_000, NOW_MS + (hour - 6) * 3_600_000)
        found = Counter(e.region for e in Traffic(factory(), 1, Shares()).next(at))
        return found["APAC"] / found["AMER"]

    assert asian_share(6) > 2 * asian_share(1)


@pytest.mark.parametrize("name", ["duplicates", "late", "bad", "conflicts"])
def test_shares_are_kept(name: str) -> None:
    """A tenth asked for is a tenth made, within a tenth of that."""
    made = events(10_000, shares=Shares(**{name: 0.1}))

    assert 900 <= sum(e.fault is not None for e in made) <= 1_100


def test_late_orders_are_up_to_two_days_old() -> None:
    """Late is later than the lake's limit, and not later than promised."""
    late = [NOW_MS - e.ordered_at_ms for e in events(2_000, shares=Shares(late=1.0))]

    assert min(late) >= LATE_FROM_MS
    assert max(late) <= LATE_TO_MS


def test_a_duplicate_says_what_its_order_said() -> None:
    """Half of the repeats have a new event_id; nothing else differs."""
    made = events(4_000, shares=Shares(duplicates=0.3))
    first: dict[str, Event] = {}
    same_id = Counter[bool]()
    for event in made:
        original = first.setdefault(event.order_id, event)
        if original is not event:
            assert order(event) | {"event_id": ""} == order(original) | {"event_id": ""}
            assert event.content_hash == original.content_hash
            same_id[event.event_id == original.event_id] += 1

    assert 0.4 < same_id[True] / sum(same_id.values()) < 0.6


def test_a_conflict_says_something_else_and_is_a_good_order_by_itself() -> None:
    """Same order_id, other amounts, and the total still adds up."""
    made = events(2_000, shares=Shares(conflicts=0.2))
    first: dict[str, Event] = {}
    for event in made:
        original = first.setdefault(event.order_id, event)
        if original is not event:
            other = order(event)
            goods = sum(n["quantity"] * n["unit_price_cents"] - n["discount_cents"] for n in other["lines"])
            assert event.content_hash != original.content_hash
            assert goods + other["shipping_cents"] + other["tax_cents"] == other["total_cents"]
            assert event.total_cents == other["total_cents"] != original.total_cents


def test_every_fault_has_its_turn() -> None:
    """The faults rotate: after as many bad records as there are faults each was there once."""
    made = events(len(FAULTS), shares=Shares(bad=1.0))

    assert {e.fault for e in made} == {f"bad:{fault.name}" for fault in FAULTS}


def test_orders_over_a_span_stay_in_it_and_come_in_order() -> None:
    """--count orders are spread over --span, in the order of their times."""
    plan = Plan(rate=None, count=1_000, start=NOW, span=timedelta(days=1))
    moments = order_times(plan, lambda: NOW)(0, 1_000)

    assert moments[0] >= NOW_MS
    assert moments[-1] < NOW_MS + 86_400_000
    assert (np.diff(moments) >= 0).all()


def test_a_rate_is_kept_by_the_clock() -> None:
    """After ten seconds at 200 a second 2,001 events are due, and never more than the count."""
    assert Plan(rate=200, count=None).due(10.0) == 2_001
    assert Plan(rate=200, count=50).due(10.0) == 50


def test_region_weights_belong_to_the_contract_s_lists() -> None:
    """A weight for each channel and payment method, and the contract's regions."""
    assert {r.name for r in regions.REGIONS} == set(REGIONS)
    assert all(len(r.channels) == len(CHANNELS) for r in regions.REGIONS)
    assert all(len(r.payments) == len(PAYMENT_METHODS) for r in regions.REGIONS)
