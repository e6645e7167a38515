"""
The floor of every reader: librdkafka takes the topic in and nothing is done with it.

    python bare_consumption.py 127.0.0.1:9092 orders.v1

Prints JSON: records, and the core-seconds and seconds from the first of them to the last.
"""

import json
import sys
import time

from confluent_kafka import Consumer, TopicPartition

AT_ONCE, SECONDS = 20_000, 1.0


def main(bootstrap: str, topic: str) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bare-consumption",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "fetch.message.max.bytes": 8_388_608,
            "queued.min.messages": AT_ONCE * 2,
        }
    )
    partitions = [
        TopicPartition(topic, number, 0) for number in consumer.list_topics(topic).topics[topic].partitions
    ]
    left = sum(consumer.get_watermark_offsets(one)[1] for one in partitions)
    consumer.assign(partitions)
    records, processor, began = 0, time.process_time(), time.monotonic()
    while records < left:
        records += sum(message.error() is None for message in consumer.consume(AT_ONCE, SECONDS))
    found = {
        "records": records,
        "core_seconds": time.process_time() - processor,
        "seconds": time.monotonic() - began,
    }
    consumer.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
