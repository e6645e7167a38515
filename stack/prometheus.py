"""
Prometheus and its exporters beside the stack: what they read, and how each is started.

    python -m stack.prometheus fetch     # into .tools, for `saleslake up` and the tests; needs no root, but
                                         # for Alertmanager, whose templates lie under /usr/share
"""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Collection
from pathlib import Path
from typing import Any

from include.errors import SetupError
from include.settings import PROJECT_ROOT
from stack.database import DATABASE
from stack.files import write_private
from stack.layout import Ports, RunFolder
from stack.processes import LOOPBACK
from stack.prometheus_programs import (
    ALERTMANAGER,
    HOST_EXPORTER,
    POSTGRES_EXPORTER,
    PROGRAMS,
    SERVER,
    STATSD_EXPORTER,
    binary,
    fetch,
)

SETTINGS = PROJECT_ROOT / "astro" / "prometheus"
RULES, QUERIES = SETTINGS / "rules", SETTINGS / "postgres_queries.yml"
ROUTES = SETTINGS / "alertmanager.yml"
AIRFLOW_METRICS = SETTINGS / "airflow_statsd.yml"
KEPT, INTERVAL = "15d", "5s"


def configuration(ports: Ports, found: Collection[str]) -> dict[str, Any]:
    """
    What the embedded Prometheus reads.

    Args:
        found: of PROGRAMS those that are there.
    """

    def job(name: str, port: int, interval: str = INTERVAL) -> dict[str, Any]:
        targets = [{"targets": [f"{LOOPBACK}:{port}"]}]
        return {"job_name": name, "scrape_interval": interval, "static_configs": targets}

    alertmanagers = [{"static_configs": [{"targets": [f"{LOOPBACK}:{ports.alertmanager}"]}]}]
    return {
        "global": {
            "scrape_interval": INTERVAL,
            "evaluation_interval": INTERVAL,
            "external_labels": {"runbooks": f"http://{LOOPBACK}:{ports.airflow}/saleslake/runbooks"},
        },
        "rule_files": [str(RULES / "*.yml")],
        "alerting": {"alertmanagers": alertmanagers if ALERTMANAGER in found else []},
        "scrape_configs": [
            job("lake-writer", ports.lake_writer_metrics),
            # Some of its questions are asked of the whole history of publications.
            *([job("postgres", ports.postgres_metrics, "60s")] if POSTGRES_EXPORTER in found else []),
            *([job("host", ports.host_metrics, "15s")] if HOST_EXPORTER in found else []),
            *([job("airflow", ports.airflow_metrics, "15s")] if STATSD_EXPORTER in found else []),
            job("kafka", ports.kafka_metrics, "15s"),
            job("prometheus", ports.prometheus),
        ],
    }


def write_configuration(folder: RunFolder, ports: Ports, webhook_url: str | None = None) -> None:
    """
    What they read, and which of the programs are there now: a stack keeps the parts it began with.

    Args:
        webhook_url: who is told of alerts, in Alertmanager's own form; None: its page alone shows them.
    """
    # JSON is YAML, too.
    hooks = [{"url": webhook_url, "send_resolved": True}] if webhook_url else []
    routes, _, _ = ROUTES.read_text(encoding="utf-8").partition("receivers:")
    receivers = json.dumps([{"name": "team", "webhook_configs": hooks}])
    write_private(_routes_file(folder), f"{routes}receivers: {receivers}\n")
    found = {name: str(program) for name in PROGRAMS if (program := binary(name))}
    write_private(configuration_file(folder), json.dumps(configuration(ports, found), indent=2) + "\n")
    write_private(_programs_file(folder), json.dumps(found, indent=2) + "\n")


def programs(folder: RunFolder) -> dict[str, Path]:
    """Of PROGRAMS those that the stack of this folder has."""
    file = _programs_file(folder)
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return {name: Path(program) for name, program in found.items() if os.access(program, os.X_OK)}


def _programs_file(folder: RunFolder) -> Path:
    return folder.home(SERVER) / "programs.json"


def _routes_file(folder: RunFolder) -> Path:
    return folder.home(SERVER) / "alertmanager.yml"


def configuration_file(folder: RunFolder) -> Path:
    return folder.home(SERVER) / "prometheus.yml"


def command(program: Path, folder: RunFolder, ports: Ports) -> list[str]:
    return [
        str(program),
        f"--config.file={configuration_file(folder)}",
        f"--storage.tsdb.path={folder.home(SERVER) / 'data'}",
        f"--storage.tsdb.retention.time={KEPT}",
        f"--web.listen-address={LOOPBACK}:{ports.prometheus}",
        "--web.console.libraries=",
        "--web.console.templates=",
        "--log.level=warn",
    ]


def alertmanager(program: Path, folder: RunFolder, ports: Ports) -> list[str]:
    return [
        str(program),
        f"--config.file={_routes_file(folder)}",
        f"--storage.path={folder.home(SERVER) / 'alertmanager'}",
        f"--web.listen-address={LOOPBACK}:{ports.alertmanager}",
        "--cluster.listen-address=",  # alone, and on no port for others
        "--log.level=warn",
    ]


def postgres_exporter(program: Path, _: RunFolder, ports: Ports) -> list[str]:
    return [
        str(program),
        f"--web.listen-address={LOOPBACK}:{ports.postgres_metrics}",
        f"--extend.query-path={QUERIES}",
        "--log.level=warn",
    ]


def postgres_access(folder: RunFolder, ports: Ports) -> dict[str, str]:
    """The exporter's environment: who it is, and where its password is."""
    return {
        "DATA_SOURCE_URI": f"{LOOPBACK}:{ports.postgres}/{DATABASE}?sslmode=disable",
        "DATA_SOURCE_USER": "sales_monitor",
        "DATA_SOURCE_PASS_FILE": str(folder.secret("sales_monitor_password")),
    }


def host_exporter(program: Path, _: RunFolder, ports: Ports) -> list[str]:
    return [str(program), f"--web.listen-address={LOOPBACK}:{ports.host_metrics}", "--log.level=warn"]


def airflow_exporter(program: Path, _: RunFolder, ports: Ports) -> list[str]:
    """It takes what Airflow sends by UDP; nobody waits for it."""
    return [
        str(program),
        f"--web.listen-address={LOOPBACK}:{ports.airflow_metrics}",
        f"--statsd.listen-udp={LOOPBACK}:{ports.airflow_statsd}",
        "--statsd.listen-tcp=",
        f"--statsd.mapping-config={AIRFLOW_METRICS}",
        "--log.level=warn",
    ]


def health(port: int, path: str = "metrics") -> str | None:
    """What keeps a server from being healthy; None: nothing does."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/{path}", timeout=5):
            return None
    except (OSError, urllib.error.URLError) as error:
        return f"is not ready: {error}"


def main(argv: list[str] | None = None) -> int:
    if (sys.argv[1:] if argv is None else argv) != ["fetch"]:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        tools = fetch()
        print(f"Prometheus, Alertmanager, promtool and the exporters are in {tools}")
        if binary(STATSD_EXPORTER) is None:
            print(
                f"{STATSD_EXPORTER} is not: building it takes Go 1.25, or one that fetches it (1.21)."
                " Airflow's own metrics are not watched."
            )
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
