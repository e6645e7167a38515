"""At least once: what can be decoded is stored and counted, the rest is passed over."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import polars as pl
from answers import Answers
from columns import Records, email_column, silver_table
from contract import EPOCH, MICROSECOND
from delta_tables import WRITER
from deltalake import DeltaTable, write_deltalake
from msgspec import UNSET, DecodeError, Meta, Struct, UnsetType
from msgspec.json import Decoder

# What the columns can hold: a larger number, like U+0000 in PostgreSQL, would end the process.
Small = Annotated[int, Meta(ge=-(2**31), lt=2**31)]
Amount = Annotated[int, Meta(ge=-(2**53), lt=2**53)]


class LooseLine(Struct, gc=False):
    line_no: Small
    product_id: str
    product_name: str
    category: str
    quantity: Small
    unit_price_cents: Amount
    discount_cents: Amount


class LooseOrder(Struct, gc=False):
    event_id: str
    order_id: str
    ordered_at: str
    customer_id: str
    region: str
    country: str
    channel: str
    payment_method: str
    currency: str
    lines: list[LooseLine]
    shipping_cents: Amount
    tax_cents: Amount
    total_cents: Amount
    customer_email: str | UnsetType = UNSET


decode = Decoder(LooseOrder).decode


class Weak:
    """
    Silver first, then the answers together with the position. After a kill between the two a batch or two is
    in silver twice; the answers have it once. An order sent twice counts twice.
    """

    def __init__(self, folder: Path, answers: Answers) -> None:
        self._path, self._answers = str(folder / "silver"), answers
        self._silver = DeltaTable(self._path) if DeltaTable.is_deltatable(self._path) else None

    def position(self, partition: int) -> int:
        return self._answers.position(partition)

    def write(self, records: Records) -> None:
        rows, orders, ordered_at = _decoded(records)
        if len(rows) < len(records.values):
            print(f"passed over: {len(records.values) - len(rows)} records", file=sys.stderr)
        email = email_column(orders, None)
        silver = silver_table(records, rows, orders, ordered_at, customer_email=email)
        write_deltalake(self._silver or self._path, silver, mode="append", writer_properties=WRITER)
        self._silver = self._silver or DeltaTable(self._path)
        self._answers.add(pl.from_arrow(silver), records.ends)


def _decoded(records: Records) -> tuple[list[int], list[LooseOrder], list[int]]:
    rows, orders, times = [], [], []
    for row, value in enumerate(records.values):
        if value is None or b"\\u0000" in value:
            continue
        try:
            order = decode(value)
            ordered_at = (datetime.fromisoformat(order.ordered_at) - EPOCH) // MICROSECOND
        except (DecodeError, ValueError, TypeError, OverflowError, RecursionError):
            continue
        rows.append(row)
        orders.append(order)
        times.append(ordered_at)
    return rows, orders, times
