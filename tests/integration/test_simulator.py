"""The simulator against a real broker: what it notes down is what is in Kafka, however it ends."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition

from include.errors import SimulatorError
from include.settings import PROJECT_ROOT, KafkaSettings, child_environment
from simulator.schedule import Plan
from simulator.sender import HEADER, Sender
from simulator.session import Request, send
from simulator.traffic import Shares
from stack import kafka

pytestmark = pytest.mark.stack

Records = dict[tuple[int, int], tuple[str, bytes | None]]
PATIENCE_SECONDS = 60


@pytest.fixture
def topic(kafka_broker: str, request: pytest.FixtureRequest) -> KafkaSettings:
    """A topic of the test's own, made as the stack makes it."""
    settings = KafkaSettings(bootstrap_servers=kafka_broker, orders_topic=request.node.name[:40])
    kafka.ensure_topic(settings)
    return settings


def records_of(topic: KafkaSettings) -> Records:
    """All of the topic: position to header and value."""
    consumer = KafkaConsumer(bootstrap_servers=topic.bootstrap_servers, auto_offset_reset="earliest")
    partitions = [TopicPartition(topic.orders_topic, p) for p in range(topic.partitions)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    found: Records = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(consumer.position(p) < ends[p] for p in partitions) and time.monotonic() < deadline:
        for batch in consumer.poll(timeout_ms=500).values():
            for record in batch:
                found[record.partition, record.offset] = (dict(record.headers)[HEADER].decode(), record.value)
    consumer.close()
    return found


def noted(manifest: Path, columns: str, where: str = "true") -> list[tuple]:
    with sqlite3.connect(manifest) as file:
        return file.execute(f"select {columns} from events where {where}").fetchall()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.1)


def test_the_manifest_says_where_each_record_lies(topic: KafkaSettings, tmp_path: Path) -> None:
    """Every acknowledged event lies at its position, under its header; nothing else is in the topic."""
    shares = Shares(duplicates=0.05, late=0.03, bad=0.1, conflicts=0.02)
    manifest = tmp_path / "manifest.sqlite"

    run_id, totals = send(Request(Plan(rate=None, count=2_000), shares, seed=3), topic, manifest)

    rows = noted(manifest, 'partition, "offset", seq', "ack = 'ok'")
    assert totals.acks == {"ok": 2_000}
    assert {(p, o): f"{run_id}:{seq}" for p, o, seq in rows} == {
        position: header for position, (header, _) in records_of(topic).items()
    }


def test_an_order_keeps_to_its_partition(topic: KafkaSettings, tmp_path: Path) -> None:
    """The key is the order, so repeats follow their order in the same partition."""
    manifest = tmp_path / "manifest.sqlite"

    send(Request(Plan(None, 1_000), Shares(duplicates=0.3), seed=4), topic, manifest)

    with sqlite3.connect(manifest) as file:
        spread = file.execute("select count(distinct partition) from events group by order_id").fetchall()
    assert set(spread) == {(1,)}
    assert len(spread) < 1_000


def test_a_topic_that_is_not_there_is_named(kafka_broker: str) -> None:
    """Nothing is created and nothing is sent: the message says which topic and what to do."""
    nowhere = KafkaSettings(bootstrap_servers=kafka_broker, orders_topic="nowhere.v1")

    with pytest.raises(SimulatorError, match=r"nowhere\.v1.*Nothing was sent"):
        Sender(nowhere, "run1", linger_ms=5, compression="lz4")


@pytest.fixture
def running(topic: KafkaSettings, tmp_path: Path) -> Iterator[subprocess.Popen]:
    """`saleslake simulate --rate 500` as a process, with its manifest in `tmp_path`."""
    command = [sys.executable, "-m", "stack.cli", "simulate", "--rate", "500", "--bootstrap",
               topic.bootstrap_servers, "--topic", topic.orders_topic, "--manifest",
               str(tmp_path / "manifest.sqlite"), "--run-dir", str(tmp_path)]  # fmt: skip
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=child_environment())
    try:
        wait_until(lambda: _has_begun(tmp_path / "manifest.sqlite"))
        yield process
    finally:
        process.kill()
        process.wait()


def _has_begun(manifest: Path) -> bool:
    if not manifest.exists():
        return False
    try:
        return noted(manifest, "count(*)", "ack = 'ok'")[0][0] > 200
    except sqlite3.OperationalError:  # the tables are being made
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_every_answer_noted(
    running: subprocess.Popen, tmp_path: Path, number: signal.Signals
) -> None:
    """Exit code 0, no event unknown, and the run is marked as finished."""
    running.send_signal(number)

    assert running.wait(timeout=PATIENCE_SECONDS) == 0
    assert noted(tmp_path / "manifest.sqlite", "count(*)", "ack <> 'ok'") == [(0,)]
    with sqlite3.connect(tmp_path / "manifest.sqlite") as file:
        assert file.execute("select finished_at is not null from runs").fetchall() == [(1,)]


def test_kill_minus_nine_leaves_no_record_unnoted(
    running: subprocess.Popen, topic: KafkaSettings, tmp_path: Path
) -> None:
    """Whatever is in Kafka is in the manifest: it was written first."""
    running.kill()
    running.wait()

    known = {f"{run}:{seq}" for run, seq in noted(tmp_path / "manifest.sqlite", "run_id, seq")}
    in_kafka = {header for header, _ in records_of(topic).values()}
    assert in_kafka
    assert in_kafka <= known
