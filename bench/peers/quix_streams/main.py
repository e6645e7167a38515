"""
Quix Streams from Kafka to PostgreSQL: totals in the framework's state, upserted at each of its checkpoints.

    BENCH_…=… python main.py
"""

import os
from datetime import datetime
from logging import Logger
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from quixstreams import Application, State
from quixstreams.models import Deserializer, JSONDeserializer, SerializationContext
from sink import Totals

COMMIT_SECONDS, COMMIT_RECORDS = 0.2, 5_000
FIELDS = ("quantity", "unit_price_cents", "discount_cents")


class OneKey(Deserializer):  # type: ignore[misc]
    """
    State hangs at a record's key, which is the order's: no total could be kept there.

    The same key for all gives each partition one state, where re-keying would send every line again.
    """

    def __call__(self, value: bytes, ctx: SerializationContext) -> bytes:
        return b"all"


def number(value: object) -> int:
    """What the state's and PostgreSQL's 64 bits can hold; anything else would end the application."""
    if type(value) is not int or not abs(value) < 2**62:
        raise ValueError(f"not a number to count with: {value!r:.50}")
    return value


def name(value: object) -> str:
    """What can be a part of a key and a field of COPY."""
    if type(value) is not str or not value.isprintable() or "\\" in value:
        raise ValueError(f"not a name to count by: {value!r:.50}")
    return value


def add_up(order: dict[str, Any], state: State) -> list[tuple[str, int, int]]:
    """The new totals that the order changes, of its partition."""
    region, total = name(order["region"]), number(order["total_cents"])
    minute = int(datetime.fromisoformat(order["ordered_at"]).timestamp()) // 60 * 60
    added = {f"{minute}\t{region}": (1, total)}
    for line in order["lines"]:
        quantity, price, discount = (number(line[field]) for field in FIELDS)
        key = f"{minute}\t{name(line['product_id'])}\t{region}"
        units, revenue = added.get(key, (0, 0))
        added[key] = units + quantity, revenue + quantity * price - discount
    changed = []
    for key, (units, revenue) in added.items():
        known_units, known_revenue = state.get(key, (0, 0))
        changed.append((key, known_units + units, known_revenue + revenue))
        state.set(key, (known_units + units, known_revenue + revenue))
    return changed


def pass_over(error: Exception, row: object, logger: Logger) -> bool:
    """A record that cannot be read or counted does not end the application."""
    logger.warning("passed over: %r", error)
    return True


def kept_group(folder: Path) -> str:
    """The broker keeps offsets and state under this name: a new folder means a new beginning."""
    file = folder / "consumer_group"
    if not file.exists():
        file.write_text(f"quix-streams-{uuid4().hex[:12]}", encoding="utf-8")
    return file.read_text(encoding="utf-8")


def main() -> None:
    folder = Path(os.environ["BENCH_FOLDER"])
    app = Application(
        broker_address=os.environ["BENCH_BOOTSTRAP"],
        consumer_group=kept_group(folder),
        auto_offset_reset="earliest",
        commit_interval=COMMIT_SECONDS,
        commit_every=COMMIT_RECORDS,
        consumer_poll_timeout=0.05,
        # A killed member holds its partitions until its session ends: 45 s by default.
        consumer_extra_config={"fetch.wait.max.ms": 50, "session.timeout.ms": 10_000},
        producer_extra_config={"linger.ms": 5, "compression.type": "lz4"},
        state_dir=folder / "state",
        on_consumer_error=pass_over,
        on_processing_error=pass_over,
        loglevel="WARNING",
    )
    topic = app.topic(
        os.environ["BENCH_TOPIC"],
        key_deserializer=OneKey(),
        value_deserializer=JSONDeserializer(loads=orjson.loads),
    )
    app.dataframe(topic).apply(add_up, stateful=True).sink(Totals(os.environ["BENCH_POSTGRES"]))
    app.run()


if __name__ == "__main__":
    main()
