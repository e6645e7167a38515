"""Prometheus itself reads our rules, tests our alerts and scrapes our metrics."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from include.metrics import StreamMetrics
from include.sales_db import connect
from stack import prometheus
from stack.database import prepare_sales
from stack.layout import Ports, RunFolder
from stack.processes import free_port, wait_until
from tests.own_server import own_server
from tests.prometheus_tools import asked, exporter, metrics_of_a_batch, rules, running, tool

METRIC = re.compile(r"\bsaleslake_[a-z0-9_]+\b")


@pytest.fixture(scope="module")
def watched_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An hour of orders that nobody published, asked by the exporter: what it serves."""
    folder = tmp_path_factory.mktemp("exporter")
    with own_server(folder / "postgres") as server:
        prepare_sales(server, {"sales_monitor": "secret"}, passfile=folder / "pgpass")
        with closing(
            connect(server.as_superuser("sales"), application_name="test", autocommit=True)
        ) as connection:
            connection.execute(
                "insert into ops.hour_ledger (hour_utc, orders, revenue_cents, last_batch_id)"
                " values (date_trunc('hour', now()) - interval '3 hours', 7, 100, 2),"
                " (date_trunc('hour', now()), 1, 10, 3)"
            )
            connection.execute(
                "insert into ops.incidents (stream, kind, severity, summary, runbook, closed_at) values"
                " ('orders', 'stuck', 'critical', 'A test.', 'x', null),"
                " ('orders', 'lag', 'warning', 'A test.', 'x', clock_timestamp())"
            )
            connection.execute(
                "insert into ops.quality_results (run_id, hour_utc, table_name, suite, success, severity,"
                " evaluated, failed, details, checked_at) values"
                " ('r', date_trunc('hour', now()), 'silver.orders', 's', false, 'fail', 2, 1, '{}', now()),"
                " ('r', date_trunc('hour', now()) - interval '1 hour', 'silver.orders', 's', false, 'fail',"
                " 2, 1, '{}', now() - interval '1 hour'),"
                " ('r', date_trunc('hour', now()) - interval '1 hour', 'silver.orders', 's', true, null,"
                " 2, 0, '{}', now())"
            )
        ports = Ports(postgres=server.port, postgres_metrics=free_port())
        (folder / "secrets").mkdir()
        (folder / "secrets" / "sales_monitor_password").write_text("secret\n")
        with exporter(RunFolder(folder), ports) as text:
            yield text


@pytest.fixture(scope="module")
def told() -> StreamMetrics:
    """What the writer says."""
    return metrics_of_a_batch()


@pytest.fixture(scope="module")
def stack_of_two(tmp_path_factory: pytest.TempPathFactory, told: StreamMetrics) -> Any:
    """A Prometheus that scrapes what the writer serves; its address."""
    ports = Ports(lake_writer_metrics=free_port(), prometheus=free_port())
    server, _ = start_http_server(ports.lake_writer_metrics, addr="127.0.0.1", registry=told.registry)
    with running(RunFolder(tmp_path_factory.mktemp("watched")), ports) as address:
        yield address
    server.shutdown()


def test_rules_speak_of_metrics_that_there_are(stack_of_two: str, watched_database: str) -> None:
    """A misspelt name would be an alert that never fires."""
    wait_until(lambda: bool(value(stack_of_two, "saleslake_lag_records")), seconds=60, what="a scrape")
    known = {*asked(stack_of_two, "label/__name__/values"), *(name for name, _ in exposed(watched_database))}
    texts = [rule["text"] for kind in ("alert", "record") for rule in rules(kind)]
    spoken = {name for text in texts for name in METRIC.findall(text)}
    assert spoken
    assert spoken <= known, f"no such metrics: {sorted(spoken - known)}"


def test_prometheus_evaluates_every_rule(stack_of_two: str, told: StreamMetrics) -> None:
    """Without an error, against what the writer really serves."""

    def evaluated() -> bool:
        groups = asked(stack_of_two, "rules")["groups"]
        return bool(groups) and all(rule["health"] == "ok" for group in groups for rule in group["rules"])

    def firing() -> list[str]:
        told.beaten({0: 4}, datetime.now(UTC))  # a writer that is alive
        alerts = asked(stack_of_two, "alerts")["alerts"]
        return [alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"]

    wait_until(evaluated, seconds=60, what="all rules to be evaluated")
    wait_until(lambda: not firing(), seconds=60, what="no alert to fire")


def test_what_is_scraped_is_what_was_told(stack_of_two: str) -> None:
    """To the record and the cent, with its labels."""
    wait_until(lambda: bool(value(stack_of_two, "saleslake_lag_records")), seconds=60, what="a scrape")
    assert value(stack_of_two, 'saleslake_ledger_rows_total{disposition="silver"}') == 7
    assert value(stack_of_two, 'saleslake_ledger_cents_total{disposition="duplicate"}') == 20
    assert value(stack_of_two, "saleslake_cents_unaccounted") == 0
    assert value(stack_of_two, 'saleslake_partition_lag_records{partition="0"}') == 4
    assert value(stack_of_two, 'saleslake_arrival_to_live_seconds_bucket{le="1.0"}') == 1
    assert value(stack_of_two, 'saleslake_rejected_reasons_total{reason="not_json"}') == 2


def test_what_the_writer_tells_keeps_to_the_rules_of_prometheus(told: StreamMetrics) -> None:
    """Names, units and help by promtool; of labels none that names an order or a person."""
    text = generate_latest(told.registry).decode()
    checked = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    labels = {label for _, pairs in exposed(text) for label, _ in pairs}
    assert labels == {"disposition", "le", "partition", "reason", "state", "step", "table"}


def value(address: str, query: str) -> float | None:
    result = asked(address, "query", query=query)["result"]
    return float(result[0]["value"][1]) if result else None


def test_the_exporter_tells_what_is_not_published(watched_database: str) -> None:
    """One hour is over and in no mart; the running one is not overdue."""
    samples = exposed(watched_database)
    assert samples["pg_up", ()] == 1
    assert samples["saleslake_publish_overdue_hours", ()] == 1
    assert samples["saleslake_incident_open", (("severity", "critical"),)] == 1
    assert samples["saleslake_incident_open", (("severity", "warning"),)] == 0
    assert samples["saleslake_quality_failed_hours", (("checked_table", "silver.orders"),)] == 1
    assert samples["pg_exporter_last_scrape_error", ()] == 0


def exposed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Samples by name and labels, but for the server's."""
    families = text_string_to_metric_families(text)
    return {
        (one.name, tuple(sorted((k, v) for k, v in one.labels.items() if k != "server"))): one.value
        for family in families
        for one in family.samples
    }


@pytest.mark.parametrize("name", ["compose", "kubernetes"])
def test_prometheus_reads_the_other_configurations(name: str, tmp_path: Path) -> None:
    """Debian's Prometheus knows no Kubernetes: there files stand for its discovery, all else is as it is."""
    text = (prometheus.SETTINGS / f"scrape_{name}.yml").read_text()
    discovery = "kubernetes_sd_configs: [{ role: pod, namespaces: { own_namespace: true } }]"
    assert (discovery in text) == (name == "kubernetes")
    file = tmp_path / "prometheus.yml"
    file.write_text(text.replace(discovery, "file_sd_configs: [{ files: [pods.json] }]"))
    checked = subprocess.run(
        [tool("promtool"), "check", "config", str(file)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
