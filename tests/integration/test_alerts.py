"""Alerts: Prometheus accepts them, each is tested and leads to a runbook, and somebody is told."""

import json
import re
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import start_http_server

from bench.serving import serving
from include.ledger import Books
from include.metrics import BatchFigures
from include.pages.runbooks import RUNBOOKS, anchor
from include.settings import PROJECT_ROOT
from stack.layout import Ports, RunFolder
from stack.processes import free_port, wait_until
from stack.prometheus import ROUTES, RULES, write_configuration
from tests.prometheus_tools import LEDGER, alerting, metrics_of_a_batch, rules, tool

TESTS = PROJECT_ROOT / "astro" / "prometheus" / "tests" / "alerts.test.yml"


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("promtool"), *arguments], capture_output=True, text=True, timeout=120)


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
    assert f"runbook: {page}{f'#{heading}' if heading else ''} }}" in alert["text"]  # for tables in Grafana


def test_there_are_alerts() -> None:
    """The reading above finds them all."""
    text = "".join(file.read_text() for file in RULES.glob("*.yml"))
    assert len(rules("alert")) == text.count("- alert:") > 10
    assert len(rules("record")) == text.count("- record:") > 5


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
    folder = RunFolder(tmp_path)
    with ExitStack() as stack:
        stack.callback(served.shutdown)
        team = stack.enter_context(serving(HTTPServer(("127.0.0.1", 0), Team)))
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
