"""The Kafka log that every contender reads, and what is true of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from kafka import KafkaConsumer
from pyspark.sql.pandas.types import to_arrow_schema

from include.kafka_clients import partitions_of
from include.settings import KafkaSettings
from lake.schemas.orders import PAYLOAD
from simulator.schedule import Plan
from simulator.session import Request, send
from simulator.traffic import Shares
from stack import kafka
from stack.processes import free_port

CLEAN = Shares()
# What the simulator sends by default, more or less: most batches have a part for every table.
DEFAULT_TRAFFIC = Shares(duplicates=0.02, late=0.02, bad=0.01, conflicts=0.002)
SPAN = timedelta(hours=24)
CHUNK = 200_000
PRODUCT_KEY, REGION_KEY = ["minute_utc", "product_id", "region"], ["minute_utc", "region"]


@dataclass(frozen=True)
class Answers:
    """Sorted by their keys. Columns: the key, then units and revenue_cents, or orders and revenue_cents."""

    products: pa.Table
    regions: pa.Table

    @property
    def orders(self) -> int:
        return int(pc.sum(self.regions["orders"]).as_py() or 0)

    @property
    def revenue_cents(self) -> int:
        return int(pc.sum(self.regions["revenue_cents"]).as_py() or 0)


@dataclass(frozen=True)
class OrderLog:
    kafka: KafkaSettings
    manifest: Path
    records: int
    json_bytes: int
    truth: Answers


@contextmanager
def broker(folder: Path, *, partitions: int = 4) -> Iterator[KafkaSettings]:
    """An empty topic in a broker of its own."""
    server = kafka.Broker(folder / "kafka", free_port(), free_port())
    with kafka.running(server, folder / "kafka.log"):
        topic = KafkaSettings(bootstrap_servers=server.bootstrap, partitions=partitions)
        kafka.ensure_topic(topic)
        yield topic


@contextmanager
def order_log(folder: Path, *, orders: int, seed: int, shares: Shares = CLEAN) -> Iterator[OrderLog]:
    """A topic with so many records, their orders spread over the last day, as people buy."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.sqlite"
    with broker(folder) as topic:
        start = datetime.now(UTC) - SPAN
        send(Request(Plan(rate=None, count=orders, start=start, span=SPAN), shares, seed), topic, manifest)
        yield read_log(topic, manifest)


def read_log(topic: KafkaSettings, manifest: Path) -> OrderLog:
    """
    What is in the topic now: read by a plain consumer, parsed by Arrow. The manifest says which records a
    contract holds for; of an order's good records the first one counts.
    """
    broken = _broken(manifest)
    seen: set[str] = set()
    parts, records, size = [], 0, 0
    for chunk in _chunks(topic):
        records += len(chunk)
        size += sum(len(value) for *_, value in chunk)
        good = [value for partition, offset, value in chunk if (partition, offset) not in broken]
        rows = _first_of_each(_parsed(good), seen)
        parts.append((_products(rows), _regions(rows)))
    products, regions = (pa.concat_tables(tables) for tables in zip(*parts, strict=True))
    truth = Answers(
        _summed(products, PRODUCT_KEY, "units", "revenue_cents"),
        _summed(regions, REGION_KEY, "orders", "revenue_cents"),
    )
    return OrderLog(topic, manifest, records, size, truth)


def _broken(manifest: Path) -> set[tuple[int, int]]:
    query = """select partition, "offset" from events where reasons <> '' and ack = 'ok'"""
    with closing(sqlite3.connect(manifest)) as connection:
        return set(connection.execute(query).fetchall())


def _chunks(topic: KafkaSettings) -> Iterator[list[tuple[int, int, bytes]]]:
    chunk: list[tuple[int, int, bytes]] = []
    for records in polled(topic):
        chunk += [(one.partition, one.offset, one.value or b"") for one in records]
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def polled(topic: KafkaSettings) -> Iterator[list[Any]]:
    """Kafka's records of all that is in the topic now, in pieces."""
    consumer = KafkaConsumer(bootstrap_servers=topic.bootstrap_servers, max_partition_fetch_bytes=8 * 1024**2)
    with closing(consumer):
        partitions = partitions_of(consumer, topic.orders_topic)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        left = sum(consumer.end_offsets(partitions).values())
        while left > 0:
            for records in consumer.poll(1_000, max_records=CHUNK).values():
                left -= len(records)
                yield records


def _parsed(values: list[bytes]) -> pa.Table:
    schema = to_arrow_schema(PAYLOAD)
    options = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    return pyarrow.json.read_json(BytesIO(b"\n".join(values)), parse_options=options)


def _first_of_each(rows: pa.Table, seen: set[str]) -> pa.Table:
    is_new = []
    for order in rows["order_id"].to_pylist():
        is_new.append(order not in seen)
        seen.add(order)
    new = rows.filter(pa.array(is_new))
    minute = pc.floor_temporal(new["ordered_at"].cast(pa.timestamp("ms", "UTC")), unit="minute")
    return new.append_column("minute_utc", minute.cast(pa.timestamp("us", "UTC")))


def _products(rows: pa.Table) -> pa.Table:
    nested = rows["lines"].combine_chunks()
    order, line = pc.list_parent_indices(nested), pc.list_flatten(nested)
    field = {name: pc.struct_field(line, name) for name in line.type.names}
    gross = pc.multiply_checked(field["quantity"], field["unit_price_cents"])
    lines = pa.table(
        {
            "minute_utc": rows["minute_utc"].take(order),
            "product_id": field["product_id"],
            "region": rows["region"].take(order),
            "units": field["quantity"],
            "revenue_cents": pc.subtract_checked(gross, field["discount_cents"]),
        }
    )
    return _summed(lines, PRODUCT_KEY, "units", "revenue_cents")


def _regions(rows: pa.Table) -> pa.Table:
    counted = rows.select([*REGION_KEY, "total_cents"]).rename_columns([*REGION_KEY, "revenue_cents"])
    ones = pa.repeat(pa.scalar(1, pa.int64()), rows.num_rows)
    return _summed(counted.append_column("orders", ones), REGION_KEY, "orders", "revenue_cents")


def _summed(rows: pa.Table, key: list[str], *sums: str) -> pa.Table:
    found = rows.group_by(key).aggregate([(name, "sum") for name in sums])
    named = found.rename_columns({f"{name}_sum": name for name in sums}).select([*key, *sums])
    return named.sort_by([(name, "ascending") for name in key])
