"""
Kafka to Delta and PostgreSQL in micro-batches, written by hand.

    BENCH_…=… python main.py --guarantees weak|full

`weak`: what can be decoded is stored and counted. `full`: the contract is checked, an order counts once
whatever is sent again and whenever this process is killed, what is refused is kept with its reasons.
"""

import argparse
import gc
import os
import signal
from collections.abc import Callable
from pathlib import Path

from answers import Answers
from columns import Records, records_of
from confluent_kafka import Consumer, Message, TopicPartition
from full import Full
from weak import Weak

MAX_RECORDS, MAX_SECONDS = 20_000, 0.1


def consumer() -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": os.environ["BENCH_BOOTSTRAP"],
            # Positions lie in PostgreSQL; the broker is told of none.
            "group.id": "micro-batches",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 50,
            "fetch.message.max.bytes": 8_388_608,
            "queued.min.messages": MAX_RECORDS * 2,
        }
    )


def assign(source: Consumer, position: Callable[[int], int]) -> None:
    topic = os.environ["BENCH_TOPIC"]
    partitions = source.list_topics(topic, timeout=10).topics[topic].partitions
    source.assign([TopicPartition(topic, number, position(number)) for number in partitions])


def run(source: Consumer, write: Callable[[Records], None]) -> None:
    """Write batch after batch until a signal comes; the batch at hand is finished first."""
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: stopped.append(received))
    while not stopped:
        messages = source.consume(MAX_RECORDS, MAX_SECONDS)
        if messages:
            write(records_of([message for message in messages if is_record(message)]))


def is_record(message: Message) -> bool:
    error = message.error()
    if error and (error.fatal() or not error.retriable()):
        raise RuntimeError(f"Reading the topic: {error.str()}. What was written before stays; start again.")
    return not error


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--guarantees", choices=("weak", "full"), required=True)
    kind = {"weak": Weak, "full": Full}[parser.parse_args().guarantees]
    # Orders hold no cycles: collecting them time and again finds nothing.
    gc.disable()
    answers = Answers(os.environ["BENCH_POSTGRES"])
    sink = kind(Path(os.environ["BENCH_FOLDER"]), answers)
    source = consumer()
    assign(source, sink.position)
    run(source, sink.write)
    source.close()
    answers.close()


if __name__ == "__main__":
    main()
