"""
Does the capacity model of docs/capacity.md hold? Its inputs are measured at one size and rate, what it says
of another size and rate is held against what is measured there.

    python -m bench.capacity --orders 30000 60000 --rates 1000 500
    python -m bench.capacity --inputs disk.json --orders 60000 --rates 500   # inputs of an earlier bench.disk

Both measurements are those of `bench.disk`. Leaves nothing behind.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import NamedTuple

from bench import disk
from bench.measuring import Found, parser_of, say
from lake.tables import TABLES

COMPACTED, WRITTEN = "compacted", "as written"
SMALL, LARGE = disk.Size(orders=30_000, rate=1_000), disk.Size(orders=60_000, rate=500)


@dataclass(frozen=True)
class Size:
    small: disk.Size = SMALL
    large: disk.Size = LARGE
    inputs: Path | None = None


class Inputs(NamedTuple):
    """What the model multiplies: bytes of an order, of a batch, of a minute; files of a batch."""

    per_order: dict[str, float]
    per_batch: dict[str, float]
    per_minute: dict[str, float]
    files_per_batch: dict[str, float]


def measure(size: Size) -> Found:
    small = json.loads(size.inputs.read_text()) if size.inputs else disk.measure(size.small)
    large = disk.measure(size.large)
    known = inputs_of(small)
    return {
        "inputs": known._asdict(),
        "small": {name: small[name] for name in ("orders", "rate")},
        "large": {name: large[name] for name in ("orders", "rate")},
        "predicted": predicted(known, large["orders"], large["rate"]),
        "measured": sizes_of(large),
    }


def inputs_of(found: Found) -> Inputs:
    orders, batches, minutes = found["orders"], batches_of(found), minutes_of(found)
    sizes = sizes_of(found)
    by_batch = {name: sizes[name] / batches for name in sizes if _is_by_batch(name)}
    by_order = [name for name in sizes if not _is_by_batch(name) and name != _LIVE and name not in _FILES]
    return Inputs(
        {name: sizes[name] / orders for name in by_order},
        by_batch,
        {_LIVE: sizes[_LIVE] / minutes},
        {name: sizes[name] / batches for name in _FILES},
    )


def predicted(known: Inputs, orders: int, rate: int) -> dict[str, float]:
    batches, minutes = _batches(orders, rate), _minutes(orders, rate)
    return {
        **{name: each * orders for name, each in known.per_order.items()},
        **{name: each * batches for name, each in {**known.per_batch, **known.files_per_batch}.items()},
        **{name: each * minutes for name, each in known.per_minute.items()},
    }


_LIVE = "PostgreSQL, live"
_FILES = tuple(f"files of {table.full_name}, {WRITTEN}" for table in TABLES)


def _is_by_batch(name: str) -> bool:
    return name.startswith("log of ") or name == "PostgreSQL, ops"


def batches_of(found: Found) -> int:
    return _batches(found["orders"], found["rate"])


def minutes_of(found: Found) -> int:
    return _minutes(found["orders"], found["rate"])


def _batches(orders: int, rate: int) -> int:
    return max(1, ceil(orders / (rate * disk.BATCH_SECONDS)))


def _minutes(orders: int, rate: int) -> int:
    return 1 + ceil(orders / rate / 60)  # it begins somewhere within a minute


def sizes_of(found: Found) -> dict[str, float]:
    """Bytes, and files as the stream writes them, by the model's names."""
    before, after = found["before"], found["after"]
    sizes = {"Kafka": before["kafka"], "order index": before["order index"]}
    for table in TABLES:
        name = table.full_name
        sizes |= {
            f"{name}, {WRITTEN}": before["tables"][name]["bytes"],
            f"{name}, {COMPACTED}": after["tables"][name]["bytes"],
            f"log of {name}": before["tables"][name]["log"],
            f"files of {name}, {WRITTEN}": before["tables"][name]["files"],
        }
    postgres = before["postgres"]
    marts = postgres["marts"] * found["orders"] / max(1, before["published_orders"])
    return {**sizes, _LIVE: postgres["live"], "PostgreSQL, ops": postgres["ops"], "PostgreSQL, marts": marts}


def told(found: Found) -> Iterator[str]:
    small, large = found["small"], found["large"]
    yield (
        f"Inputs from {small['orders']:,} orders at {small['rate']:,}/s; what they say of {large['orders']:,}"
        f" orders at {large['rate']:,}/s, in kilobytes or files:\n"
    )
    yield "| | the model says | measured | of what it says |\n|---|---|---|---|"
    for name, said in found["predicted"].items():
        real = found["measured"][name]
        unit = 1 if name in _FILES else 1_000
        yield f"| {name} | {said / unit:,.0f} | {real / unit:,.0f} | {real / said:.2f} |"
    sums = [_lake(found[kind]) for kind in ("predicted", "measured")]
    yield f"\nThe lake's tables, compacted, together: measured {sums[1] / sums[0]:.2f} × what the model says."


def _lake(sizes: dict[str, float]) -> float:
    return sum(sizes[f"{table.full_name}, {COMPACTED}"] for table in TABLES)


def main(argv: list[str] | None = None) -> int:
    parser = parser_of("bench.capacity", __doc__)
    parser.add_argument("--orders", type=int, nargs="+", default=[30_000, 60_000], help="of each size")
    parser.add_argument(
        "--rates", type=int, nargs="+", default=[1_000, 500], help="orders per second of each"
    )
    parser.add_argument("--inputs", type=Path, help="figures of bench.disk instead of the first size")
    args = parser.parse_args(argv)
    large = disk.Size(args.orders[-1], args.rates[-1])
    found = measure(Size(disk.Size(args.orders[0], args.rates[0]), large, args.inputs))
    return say(found, told(found), args.json)


if __name__ == "__main__":
    sys.exit(main())
