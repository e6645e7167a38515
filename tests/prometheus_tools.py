"""A Prometheus for tests: the machine's, or Debian's, fetched once."""

import json
import os
import re
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from include.ledger import Books
from include.metrics import BatchFigures, StreamMetrics, TableSize
from spark.streaming.closing import LedgerRow
from stack import prometheus, prometheus_programs
from stack.layout import Ports, RunFolder
from stack.processes import end, wait_until

LEDGER = [
    LedgerRow(
        batch_id=0, topic="orders.v1", partition=0, start_offset=0, end_offset=10, read_rows=10,
        read_cents=90, silver_rows=7, silver_cents=100, duplicate_rows=1, duplicate_cents=20,
        quarantined_rows=2, quarantined_cents=-30, generation="g",
    )
]  # fmt: skip


def metrics_of_a_batch() -> StreamMetrics:
    """Every metric has a value."""
    metrics = StreamMetrics()
    metrics.audited(Books())
    steps = {"judging": 0.2, "silver.orders": 0.03}
    metrics.batch_closed(LEDGER, BatchFigures(0.4, steps, [1.0, 2.5], {"not_json": 2}, 1))
    metrics.measured({"silver.orders": TableSize(3, 900)}, {"waiting": 0})
    metrics.beaten({0: 4}, datetime.now(UTC))
    return metrics


@cache
def rules(kind: str) -> list[dict[str, Any]]:
    """As Prometheus itself reads them: `promtool` can print them only by way of a server."""
    found = []
    for file in sorted(prometheus.RULES.glob("*.yml")):
        found += re.findall(rf"- {kind}: (\S+)\n(.*?)(?=\n      - |\n\n|\Z)", file.read_text(), re.DOTALL)
    return [{"name": name, "text": text} for name, text in found]


def tool(name: str) -> Path:
    """A server, an exporter, `promtool` or `amtool`."""
    if prometheus_programs.binary(name) is None:
        prometheus_programs.fetch()
    found = prometheus_programs.binary(name)
    assert found is not None, f"{name} is not to be had: {prometheus_programs.STATSD_EXPORTER} takes Go"
    return found


@contextmanager
def running(folder: RunFolder, ports: Ports, webhook_url: str | None = None) -> Iterator[str]:
    """A Prometheus set up as the stack sets it up; its address."""
    folder.home("prometheus").mkdir(parents=True)
    prometheus.write_configuration(folder, ports, webhook_url)
    command = prometheus.command(tool("prometheus"), folder, ports)
    with _server(command, folder, {}, ports.prometheus, "-/ready") as address:
        yield address


@contextmanager
def alerting(folder: RunFolder, ports: Ports, webhook_url: str) -> Iterator[None]:
    """A Prometheus and its Alertmanager, which tells the webhook."""
    program = tool(prometheus.ALERTMANAGER)
    with (
        running(folder, ports, webhook_url),
        _server(prometheus.alertmanager(program, folder, ports), folder, {}, ports.alertmanager, "-/ready"),
    ):
        yield


@contextmanager
def exporter(folder: RunFolder, ports: Ports) -> Iterator[str]:
    """What PostgreSQL's exporter serves, set up as the stack sets it up."""
    command = prometheus.postgres_exporter(tool(prometheus_programs.POSTGRES_EXPORTER), folder, ports)
    access = prometheus.postgres_access(folder, ports)
    with (
        _server(command, folder, access, ports.postgres_metrics, "metrics") as address,
        urllib.request.urlopen(f"{address}/metrics", timeout=20) as answer,  # noqa: S310
    ):
        yield answer.read().decode()


@contextmanager
def _server(
    command: list[str], folder: RunFolder, environment: dict[str, str], port: int, path: str
) -> Iterator[str]:
    with (folder.root / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **environment})
        try:
            wait_until(lambda: prometheus.health(port, path) is None, seconds=60, what=command[0])
            yield f"http://127.0.0.1:{port}"
        finally:
            end(process, seconds=20, interrupt=signal.SIGTERM)


def asked(address: str, path: str, **query: str) -> Any:
    """The data of an answer of its API."""
    url = f"{address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        said = json.load(answer)
    assert said["status"] == "success", said
    return said["data"]
