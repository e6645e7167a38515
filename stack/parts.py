"""The parts of the embedded stack: how each is started, and when it is healthy."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from include.settings import PostgresSettings
from stack import kafka, postgres, prometheus
from stack import prometheus_programs as tools
from stack.configuration import LAKE_WRITER, STREAM_WATCHDOG
from stack.database import DATABASE
from stack.health import airflow_health, stream_health
from stack.layout import Ports, RunFolder
from stack.processes import LOOPBACK

# What keeps a part from being healthy, in a few words; None when nothing does. The argument is its pid.
Health = Callable[[int], str | None]
# With a second more between any two of them: a server comes back by itself after a day with a full disk.
SERVER_RETRIES = 400


@dataclass(frozen=True, slots=True)
class Part:
    """One process the process manager owns."""

    name: str
    command: list[str]
    home: Path
    health: Health | None  # None: that it runs is all that can be said
    user: str | None = None
    stop_signal: str = "TERM"
    stop_seconds: int = 20
    # Whether the stop signal goes to the part's children too. The kill after `stop_seconds` always does.
    stop_children: bool = True
    # Dying sooner counts as a failed start; after `start_retries` of them in a row the part is given up.
    start_seconds: int = 5
    start_retries: int = 4
    healthy_within_seconds: int = 180
    # The stack is up without it.
    optional: bool = False
    # The part that must be healthy before this one is started.
    after: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


def broker(folder: RunFolder, ports: Ports) -> kafka.Broker:
    return kafka.Broker(folder.home("kafka"), ports.kafka, ports.kafka_controller, ports.kafka_metrics)


def postgres_server(folder: RunFolder, ports: Ports) -> postgres.PostgresServer:
    password_file = folder.secret("postgres_password")
    return postgres.PostgresServer(folder.home("postgres") / "data", ports.postgres, password_file)


def parts(folder: RunFolder, ports: Ports, *, simulator_rate: float = 2.0) -> list[Part]:
    """Every part, in the order in which they are started."""
    return [
        _kafka(folder, ports),
        _postgres(folder, ports),
        _lake_writer(folder, ports),
        _stream_watchdog(folder),
        *_airflow(folder, ports),
        *_prometheus(folder, ports),
        _simulator(folder, simulator_rate),
    ]


def _kafka(folder: RunFolder, ports: Ports) -> Part:
    node = broker(folder, ports)

    def health(_: int) -> str | None:
        return None if kafka.is_ready(node) else f"no answer on port {node.port}"

    return Part(
        "kafka", kafka.command(node), node.folder, health, stop_seconds=30, start_retries=SERVER_RETRIES
    )


def _postgres(folder: RunFolder, ports: Ports) -> Part:
    server = postgres_server(folder, ports)

    def health(_: int) -> str | None:
        return None if postgres.is_ready(server) else f"no answer on port {server.port}"

    return Part(
        "postgres",
        postgres.command(server),
        folder.home("postgres"),
        health,
        user=postgres.system_user(),
        stop_signal="INT",  # ends sessions instead of waiting for them
        stop_seconds=30,
        stop_children=False,
        start_retries=SERVER_RETRIES,
    )


def _lake_writer(folder: RunFolder, ports: Ports) -> Part:
    database = PostgresSettings(
        host=LOOPBACK, port=ports.postgres, database=DATABASE, passfile=folder.secret("pgpass")
    )
    return Part(
        LAKE_WRITER,
        [sys.executable, "-m", "spark.streaming.lake_writer"],
        folder.home(LAKE_WRITER),
        lambda pid: stream_health(database, pid),
        stop_seconds=60,
        # The signal would end the JVM under a batch that is about to be finished.
        stop_children=False,
        start_seconds=20,
        start_retries=12,
        healthy_within_seconds=300,
    )


def _stream_watchdog(folder: RunFolder) -> Part:
    """Finds a writer that is there and does nothing, also while Airflow is off."""
    command = [sys.executable, "-m", "include.stream_watchdog"]
    return Part(STREAM_WATCHDOG, command, folder.home(STREAM_WATCHDOG), health=None, start_seconds=1)


def _airflow(folder: RunFolder, ports: Ports) -> list[Part]:
    program = str(Path(sys.executable).parent / "airflow")
    arguments = {
        "api-server": ["api-server"],
        # The API server reads task logs from the disk: no part needs to serve them.
        "scheduler": ["scheduler", "--skip-serve-logs"],
        "dag-processor": ["dag-processor"],
        "triggerer": ["triggerer", "--skip-serve-logs"],
    }
    url = f"http://{LOOPBACK}:{ports.airflow}"
    return [
        Part(
            f"airflow-{name}",
            [program, *words],
            folder.home("airflow"),
            partial(airflow_health, url, name),
            healthy_within_seconds=300,
            # A task that is started before the API server answers fails.
            after="airflow-api-server" if name == "scheduler" else None,
        )
        for name, words in arguments.items()
    ]


def _prometheus(folder: RunFolder, ports: Ports) -> list[Part]:
    """Servers and exporters, as far as the machine has them: the stack runs without them."""

    def answers(port: int, path: str) -> Health:
        return lambda _: prometheus.health(port, path)

    declared = {
        "prometheus": (tools.SERVER, prometheus.command, ports.prometheus, "-/ready"),
        "alertmanager": (tools.ALERTMANAGER, prometheus.alertmanager, ports.alertmanager, "-/ready"),
        "postgres-exporter": (
            tools.POSTGRES_EXPORTER, prometheus.postgres_exporter, ports.postgres_metrics, "metrics",
        ),
        "host-exporter": (tools.HOST_EXPORTER, prometheus.host_exporter, ports.host_metrics, "metrics"),
        "airflow-exporter": (
            tools.STATSD_EXPORTER, prometheus.airflow_exporter, ports.airflow_metrics, "metrics",
        ),
    }  # fmt: skip
    programs, access = prometheus.programs(folder), prometheus.postgres_access(folder, ports)
    return [
        Part(
            name,
            command(programs[package], folder, ports),
            folder.home(tools.SERVER),
            answers(port, path),
            optional=True,
            environment=access if name == "postgres-exporter" else {},
        )
        for name, (package, command, port, path) in declared.items()
        if package in programs
    ]


def _simulator(folder: RunFolder, rate: float) -> Part:
    return Part(
        "simulator",
        [sys.executable, "-m", "stack.cli", "simulate", "--rate", f"{rate:g}"],
        folder.home("simulator"),
        None,
        stop_seconds=20,
    )
