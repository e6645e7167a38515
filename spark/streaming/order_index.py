"""
Which order_ids silver already holds: a RocksDB beside the lake, so that a look-up costs the same for ever.

The index is derived: `silver.orders` is the truth, and an index that is behind it is built anew. An entry
knows the position of the record that was accepted. A replayed batch finds its own positions and so decides
as it did before.
"""

import logging
import shutil
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rocksdict import BlockBasedOptions, Options, Rdict, WriteBatch

from lake.contract import CONFLICT, DUPLICATE

log = logging.getLogger(__name__)

ENTRY = struct.Struct(">32sIQ")
# No order_id starts like this: U+0000 is refused by the contract.
APPLIED_KEY = b"\0applied"
APPLIED = struct.Struct(">16sq")


class AcceptedOrder(NamedTuple):
    """A record whose order is good, and the hash of its content (32 bytes)."""

    order_id: str
    content_hash: bytes
    partition: int
    offset: int


@dataclass(slots=True)
class Decision:
    """
    What became of the good orders of one batch. `exceptions` are (partition, offset, duplicate |
    order_conflict).
    """

    accepted: list[AcceptedOrder] = field(default_factory=list)
    exceptions: list[tuple[int, int, str]] = field(default_factory=list)


class OrderIndex:
    """The index of one lake. Not safe for a second process: the writer's lock guards it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = _open(path)

    def applied(self) -> tuple[bytes, int] | None:
        """Generation (16 bytes) and last batch the index holds; None for a new index."""
        found = self._db.get(APPLIED_KEY)
        return APPLIED.unpack(found) if found else None

    def decide(self, orders: Iterable[AcceptedOrder]) -> Decision:
        """
        Sort a batch's good orders into accepted ones, duplicates and conflicts. Changes nothing.

        Args:
            orders: sorted by (partition, offset); of several with one order_id the first counts.
        """
        rows = list(orders)
        known: Any = self._db.get([row.order_id.encode() for row in rows]) if rows else []
        decision = Decision()
        first: dict[str, tuple[bytes, int, int]] = {}
        for row, entry in zip(rows, known, strict=True):
            holder = first.get(row.order_id) or (ENTRY.unpack(entry) if entry else None)
            if holder is None or holder[1:] == (row.partition, row.offset):
                first[row.order_id] = (row.content_hash, row.partition, row.offset)
                decision.accepted.append(row)
            else:
                exception = DUPLICATE if holder[0] == row.content_hash else CONFLICT
                decision.exceptions.append((row.partition, row.offset, exception))
        return decision

    def add(self, orders: Iterable[AcceptedOrder], *, generation: bytes, batch_id: int) -> None:
        """Record orders that silver holds, and that everything up to `batch_id` is here. Twice is once."""
        writes = WriteBatch(raw_mode=True)
        for order in orders:
            entry = ENTRY.pack(order.content_hash, order.partition, order.offset)
            writes.put(order.order_id.encode(), entry)
        writes.put(APPLIED_KEY, APPLIED.pack(generation, batch_id))
        self._db.write(writes)

    def clear(self) -> None:
        """Forget everything."""
        self.close()
        shutil.rmtree(self.path)
        self._db = _open(self.path)

    def extend(
        self,
        batches: Iterable[list[AcceptedOrder]],
        *,
        generation: bytes,
        since: int,
        batch_id: int,
        moved: Callable[[int], None] = lambda count: None,
    ) -> int:
        """
        Add the orders of silver after batch `since`, up to `batch_id`. Returns how many there are.

        Args:
            moved: told now and then how many it has so far; what it raises ends it.
        """
        count = 0
        for orders in batches:
            moved(count)
            # Only the last write says that the index is complete.
            self.add(orders, generation=generation, batch_id=since)
            count += len(orders)
        self.add([], generation=generation, batch_id=batch_id)
        return count

    def close(self) -> None:
        self._db.close()


def _open(path: Path) -> Rdict:
    try:
        return _open_rocksdb(path)
    except Exception as error:  # rocksdict knows no narrower one
        log.warning("the order index %s cannot be opened and is made anew: %s", path, error)
        shutil.rmtree(path)
        return _open_rocksdb(path)


def _open_rocksdb(path: Path) -> Rdict:
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = BlockBasedOptions()
    # Most look-ups are for orders never seen: a filter answers those without touching the disk.
    blocks.set_bloom_filter(10, block_based=False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(blocks)
    options.set_max_open_files(256)
    return Rdict(str(path), options)
