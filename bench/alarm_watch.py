"""Who looks at alerts in `bench.alarms`: what Prometheus says, and what a webhook hears of it."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic
from typing import Any

import httpx

from include.airflow_api import AirflowApi
from include.settings import get_settings
from stack.layout import Ports, RunFolder, kept_ports
from stack.processes import LOOPBACK


class Webhook(HTTPServer):
    """Notes when Alertmanager first spoke of each alert that fires (`monotonic`)."""

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.told: dict[str, float] = {}

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}/alerts"


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        # Incidents tell the same webhook, in a form of their own.
        for alert in said.get("alerts", ()):
            if alert["status"] == "firing":
                self.server.told.setdefault(alert["labels"]["alertname"], monotonic())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the figures say enough."""


class Watcher:
    """What fires in the Prometheus of a stack, and whether its links lead anywhere."""

    def __init__(self, folder: RunFolder) -> None:
        ports = kept_ports(folder) or Ports()
        self._alerts = f"http://{LOOPBACK}:{ports.prometheus}/api/v1/alerts"
        # No proxy from the environment: everything is on loopback.
        self._client = httpx.Client(trust_env=False, timeout=30, follow_redirects=True)

    def firing(self) -> dict[str, str]:
        """Alert to link."""
        alerts: list[dict[str, Any]] = self._client.get(self._alerts).json()["data"]["alerts"]
        return {
            alert["labels"]["alertname"]: alert["annotations"]["runbook_url"]
            for alert in alerts
            if alert["state"] == "firing"
        }

    def leads(self, link: str) -> bool:
        """Somebody who is logged in to Airflow comes to a page that has the heading."""
        with AirflowApi(get_settings().airflow) as airflow:
            token = airflow.log_in()
        address, _, heading = link.partition("#")
        page = self._client.get(address, headers={"Authorization": f"Bearer {token}"})
        return page.is_success and (not heading or f'id="{heading}"' in page.text)
