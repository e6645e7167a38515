"""The Kafka broker (KRaft, one node, loopback): formatted, started, asked, and its topic created."""

import base64
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from include.settings import PROJECT_ROOT, KafkaSettings
from stack.jars import class_path, only_jar
from stack.java import java_binary
from stack.processes import LOOPBACK, answers, end, run, wait_until

METRICS = PROJECT_ROOT / "astro" / "prometheus" / "kafka_jmx.yml"
MAX_MESSAGE_BYTES = 8_388_608
TOPIC_CONFIGURATION = {
    # The broker's clock, not the producer's, says when a record arrived.
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": str(MAX_MESSAGE_BYTES),
    "retention.ms": "-1",
}
LOGGING = """\
log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n
log4j.logger.org.apache.kafka.common.config=WARN
log4j.logger.kafka.server.KafkaConfig=WARN
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker: its folder, its two ports, and the one where Prometheus reads it, if it does."""

    folder: Path
    port: int
    controller_port: int
    metrics_port: int | None = None

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def properties_file(self) -> Path:
        return self.folder / "server.properties"

    @property
    def logging_file(self) -> Path:
        return self.folder / "log4j.properties"


def properties(broker: Broker) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{broker.controller_port}",
        "listeners": f"BROKER://{broker.bootstrap},CONTROLLER://{LOOPBACK}:{broker.controller_port}",
        "advertised.listeners": f"BROKER://{broker.bootstrap}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(broker.folder / "data"),
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(MAX_MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
        "log.retention.ms": "-1",
        # Kafka's own topics default to three copies and 50 partitions: one machine needs one and few.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
        "log.cleaner.dedupe.buffer.size": "16777216",
    }


def _jvm(broker: Broker, heap: str) -> list[str]:
    # The broker's code is short-lived work on byte arrays: the quick compiler starts it in half the time.
    tuning = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]
    logging = f"-Dlog4j.configuration={broker.logging_file.as_uri()}"
    return [java_binary(), heap, *tuning, logging, "-cp", class_path("kafka")]


def command(broker: Broker) -> list[str]:
    java, *options = _jvm(broker, "-Xmx512m")
    return [java, *_agent(broker), *options, "kafka.Kafka", str(broker.properties_file)]


def _agent(broker: Broker) -> list[str]:
    """It serves the broker's own figures, within the broker."""
    if broker.metrics_port is None:
        return []
    return [f"-javaagent:{only_jar('jmx')}={LOOPBACK}:{broker.metrics_port}:{METRICS}"]


def initialise(broker: Broker) -> None:
    """Properties are written for the ports of now; the data folder is formatted once."""
    broker.folder.mkdir(parents=True, exist_ok=True)
    lines = (f"{key}={value}\n" for key, value in properties(broker).items())
    broker.properties_file.write_text("".join(lines), encoding="utf-8")
    broker.logging_file.write_text(LOGGING, encoding="utf-8")
    if not (broker.folder / "data" / "meta.properties").is_file():
        _format(broker)


def _format(broker: Broker) -> None:
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # An id that starts with a dash would be read as an option.
    cluster_id = "S" + cluster_id[1:]
    tool = [*_jvm(broker, "-Xmx128m"), "kafka.tools.StorageTool", "format"]
    arguments = ["-t", cluster_id, "-c", str(broker.properties_file), "--ignore-formatted"]
    run([*tool, *arguments], doing=f"Formatting Kafka's folder {broker.folder}")


@contextmanager
def administration(bootstrap: str, *, seconds: float) -> Iterator[KafkaAdminClient]:
    """A client whose requests take no longer than that."""
    client = KafkaAdminClient(
        bootstrap_servers=bootstrap, client_id="saleslake-stack", request_timeout_ms=int(seconds * 1_000)
    )
    try:
        yield client
    finally:
        client.close()


def is_ready(broker: Broker) -> bool:
    """It answers a request for its topics; an open port alone is not enough."""
    if not answers(broker.port):
        return False
    try:
        with administration(broker.bootstrap, seconds=5) as client:
            client.list_topics()
    except (KafkaError, OSError, ValueError):
        return False
    return True


def ensure_topic(kafka: KafkaSettings) -> bool:
    """The orders topic exists; returns whether it was created now. Twice creates it once."""
    topic = NewTopic(
        kafka.orders_topic,
        num_partitions=kafka.partitions,
        replication_factor=1,
        topic_configs=TOPIC_CONFIGURATION,
    )
    with administration(kafka.bootstrap_servers, seconds=30) as client:
        if kafka.orders_topic in client.list_topics():
            return False
        try:
            client.create_topics([topic])
        except TopicAlreadyExistsError:
            return False
    return True


@contextmanager
def running(broker: Broker, log: Path) -> Iterator[None]:
    """For tests: the broker runs inside the block."""
    initialise(broker)
    with log.open("ab") as output:
        process = subprocess.Popen(command(broker), stdout=output, stderr=output)  # noqa: S603
    try:
        wait_until(lambda: is_ready(broker), seconds=60, what=f"Kafka on port {broker.port}")
        yield
    finally:
        end(process, seconds=20, interrupt=signal.SIGTERM)
