"""Prometheus itself reads our rules, tests our alerts and scrapes our metrics."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import start_http_server
from prometheus_client.parser import text_string_to_metric_families

from include.ledger import Books
from include.metrics import BatchFigures, StreamMetrics, TableSize
from include.pages.runbooks import RUNBOOKS, anchor
from include.sales_db import connect
from include.settings import PROJECT_ROOT
from spark.streaming.closing import LedgerRow
from stack.database import prepare_sales
from stack.layout import Ports, RunFolder
from stack.processes import free_port, wait_until
from stack.prometheus import ROUTES, RULES, write_configuration
from tests.own_server import own_server
from tests.prometheus_tools import alerting, asked, exporter, running, tool

TESTS = PROJECT_ROOT / "astro" / "prometheus" / "tests" / "alerts.test.yml"
METRIC = re.compile(r"\bsaleslake_[a-z0-9_]+\b")
LEDGER = [
    LedgerRow(
        batch_id=0, topic="orders.v1", partition=0, start_offset=0, end_offset=10, read_rows=10,
        read_cents=90, silver_rows=7, silver_cents=100, duplicate_rows=1, duplicate_cents=20,
        quarantined_rows=2, quarantined_cents=-30, generation="g",
    )
]  # fmt: skip


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


def metrics_of_a_batch() -> StreamMetrics:
    """Every metric has a value."""
    metrics = StreamMetrics()
    metrics.audited(Books())
    steps = {"judging": 0.2, "silver.orders": 0.03}
    metrics.batch_closed(LEDGER, BatchFigures(0.4, steps, [1.0, 2.5], {"not_json": 2}, 1))
    metrics.measured({"silver.orders": TableSize(3, 900)}, {"waiting": 0})
    metrics.beaten({0: 4}, datetime.now(UTC))
    return metrics


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("promtool"), *arguments], capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def stack_of_two(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Prometheus that scrapes what the writer serves; its address."""
    ports = Ports(lake_writer_metrics=free_port(), prometheus=free_port())
    server, _ = start_http_server(
        ports.lake_writer_metrics, addr="127.0.0.1", registry=metrics_of_a_batch().registry
    )
    with running(RunFolder(tmp_path_factory.mktemp("watched")), ports) as address:
        yield address
    server.shutdown()


@cache
def rules(kind: str) -> list[dict[str, Any]]:
    """As Prometheus itself reads them: `promtool` can print them only by way of a server."""
    found = []
    for file in sorted(RULES.glob("*.yml")):
        found += re.findall(rf"- {kind}: (\S+)\n(.*?)(?=\n      - |\n\n|\Z)", file.read_text(), re.DOTALL)
    return [{"name": name, "text": text} for name, text in found]


def test_prometheus_accepts_the_rules() -> None:
    """Syntax, templates and units."""
    checked = promtool("check", "rules", *map(str, RULES.glob("*.yml")))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_fire_when_they_should() -> None:
    """And only then: astro/prometheus/tests."""
    tested = promtool("test", "rules", str(TESTS))
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("alert", rules("alert"), ids=lambda alert: alert["name"])
def test_an_alert_is_tested_and_leads_somewhere(alert: dict[str, Any]) -> None:
    """It is seen to fire and to be silent, and its runbook has the heading that its link names."""
    tests = TESTS.read_text()
    assert f"alertname: {alert['name']}, exp_alerts: []" in tests
    assert re.search(rf"alertname: {alert['name']}\n +exp_alerts:\n", tests)
    assert re.search(r"severity: (warning|critical)\b", alert["text"])
    assert "summary:" in alert["text"]
    page, _, heading = re.findall(r"\}\}/([a-z_]+\.md)(#([\w-]+))?\"", alert["text"])[0]
    headings = re.findall(r"^#+ (.+)$", (RUNBOOKS / page).read_text(), re.MULTILINE)
    assert not heading or heading in map(anchor, headings)


def test_there_are_alerts() -> None:
    """The reading above finds them all."""
    text = "".join(file.read_text() for file in RULES.glob("*.yml"))
    assert len(rules("alert")) == text.count("- alert:") > 10
    assert len(rules("record")) == text.count("- record:") > 5


def test_rules_speak_of_metrics_that_there_are(stack_of_two: str, watched_database: str) -> None:
    """A misspelt name would be an alert that never fires."""
    wait_until(lambda: bool(value(stack_of_two, "saleslake_lag_records")), seconds=60, what="a scrape")
    known = {*asked(stack_of_two, "label/__name__/values"), *(name for name, _ in exposed(watched_database))}
    texts = [rule["text"] for kind in ("alert", "record") for rule in rules(kind)]
    spoken = {name for text in texts for name in METRIC.findall(text)}
    assert spoken
    assert spoken <= known, f"no such metrics: {sorted(spoken - known)}"


def test_prometheus_evaluates_every_rule(stack_of_two: str) -> None:
    """Without an error, against what the writer really serves."""

    def evaluated() -> bool:
        groups = asked(stack_of_two, "rules")["groups"]
        return bool(groups) and all(rule["health"] == "ok" for group in groups for rule in group["rules"])

    wait_until(evaluated, seconds=60, what="all rules to be evaluated")
    assert not [alert for alert in asked(stack_of_two, "alerts")["alerts"] if alert["state"] == "firing"]


def test_what_is_scraped_is_what_was_told(stack_of_two: str) -> None:
    """To the record and the cent, with its labels."""
    wait_until(lambda: bool(value(stack_of_two, "saleslake_lag_records")), seconds=60, what="a scrape")
    assert value(stack_of_two, 'saleslake_ledger_rows_total{disposition="silver"}') == 7
    assert value(stack_of_two, 'saleslake_ledger_cents_total{disposition="duplicate"}') == 20
    assert value(stack_of_two, "saleslake_cents_unaccounted") == 0
    assert value(stack_of_two, 'saleslake_partition_lag_records{partition="0"}') == 4
    assert value(stack_of_two, 'saleslake_arrival_to_live_seconds_bucket{le="1.0"}') == 1
    assert value(stack_of_two, 'saleslake_rejected_reasons_total{reason="not_json"}') == 2


def value(address: str, query: str) -> float | None:
    result = asked(address, "query", query=query)["result"]
    return float(result[0]["value"][1]) if result else None


def test_somebody_is_told_and_told_when_it_is_over(tmp_path: Path) -> None:
    """From the writer's metric by Prometheus and Alertmanager to a webhook: once each, with the runbook."""
    metrics, told = metrics_of_a_batch(), []

    class Team(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if said["groupLabels"] == {"alertname": "SaleslakeRecordsUnaccounted"}:
                told.append(said)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    ports = Ports(lake_writer_metrics=free_port(), prometheus=free_port(), alertmanager=free_port())
    served, _ = start_http_server(ports.lake_writer_metrics, addr="127.0.0.1", registry=metrics.registry)
    team = HTTPServer(("127.0.0.1", 0), Team)
    threading.Thread(target=team.serve_forever, daemon=True).start()
    folder = RunFolder(tmp_path)
    with ExitStack() as stack:
        stack.callback(served.shutdown)
        stack.callback(team.shutdown)
        stack.enter_context(alerting(folder, ports, f"http://127.0.0.1:{team.server_port}/alerts"))
        skipped = replace(LEDGER[0], batch_id=1, start_offset=13, end_offset=23)
        metrics.batch_closed([skipped], BatchFigures(0.4))
        wait_until(lambda: bool(told), seconds=90, what="the webhook to be told")
        metrics.audited(Books(batch_id=1))  # the ledger as it is read after the repair
        wait_until(
            lambda: told[-1]["status"] == "resolved", seconds=150, what="the webhook to be told the end"
        )
    assert [one["status"] for one in told] == ["firing", "resolved"]
    alert = told[0]["alerts"][0]
    assert alert["annotations"]["summary"].startswith("3 records have no place")
    assert "/saleslake/runbooks/supervise_streams.md#" in alert["annotations"]["runbook_url"]
    assert (folder.home("prometheus") / "alertmanager.yml").stat().st_mode & 0o077 == 0


def test_alertmanager_accepts_its_routes(tmp_path: Path) -> None:
    """As the stack writes them, with a webhook and without."""
    folder = RunFolder(tmp_path)
    folder.home("prometheus").mkdir()
    for webhook_url in (None, "http://127.0.0.1:9/secret"):
        write_configuration(folder, Ports(), webhook_url)
        file = folder.home("prometheus") / "alertmanager.yml"
        checked = subprocess.run(
            [tool("amtool"), "check-config", file], capture_output=True, text=True, timeout=60
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_is_muted_exists() -> None:
    """An alert that inhibits another, or is inhibited, is one of ours."""
    named = set(re.findall(r"Saleslake\w+", ROUTES.read_text()))
    assert named
    assert named <= {rule["name"] for rule in rules("alert")}


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
