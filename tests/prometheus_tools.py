"""A Prometheus for tests: the machine's, or Debian's, fetched once."""

import json
import os
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stack import prometheus
from stack.layout import Ports, RunFolder
from stack.processes import end, wait_until


def tool(name: str) -> Path:
    """A server, an exporter, `promtool` or `amtool`."""
    if prometheus.binary(name) is None:
        prometheus.fetch()
    found = prometheus.binary(name)
    assert found is not None
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
    command = prometheus.postgres_exporter(tool(prometheus.POSTGRES_EXPORTER), folder, ports)
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
