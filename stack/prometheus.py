"""
Prometheus and its exporters beside the stack: found on the machine, or taken from Debian's packages without
installing them.

    python -m stack.prometheus fetch     # into .tools, for `saleslake up` and the tests; needs no root, but
                                         # for Alertmanager, whose templates lie under /usr/share

Debian's packages start servers that listen on every address when installed; their files alone do not.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
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
from stack.processes import LOOPBACK, run

SERVER, ALERTMANAGER, POSTGRES_EXPORTER, HOST_EXPORTER = PACKAGES = (
    "prometheus", "prometheus-alertmanager", "prometheus-postgres-exporter", "prometheus-node-exporter",
)  # fmt: skip
TOOLS = PROJECT_ROOT / ".tools" / "prometheus"
SETTINGS = PROJECT_ROOT / "astro" / "prometheus"
RULES, QUERIES = SETTINGS / "rules", SETTINGS / "postgres_queries.yml"
ROUTES = SETTINGS / "alertmanager.yml"
HOW = "`python -m stack.prometheus fetch` takes them from Debian's packages, without installing anything"
# Debian's Alertmanager looks for them there and nowhere else, and does not start without them.
TEMPLATES = Path("/usr/share/prometheus/alertmanager")
KEPT, INTERVAL = "15d", "5s"


def binary(name: str = SERVER) -> Path | None:
    """A server, an exporter or `promtool`: the machine's own, or the fetched one; None: there is neither."""
    own = shutil.which(name)
    fetched = TOOLS / "usr" / "bin" / name
    if not own and name == ALERTMANAGER and not TEMPLATES.is_dir():
        return None
    return Path(own) if own else fetched if os.access(fetched, os.X_OK) else None


def fetch() -> Path:
    """
    Prometheus, promtool and exporters, from Debian's packages, whose hashes apt checks.

    Raises:
        SetupError: this is no Debian, or a package cannot be had.
    """
    apt_get, dpkg = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt_get is None or dpkg is None:
        raise SetupError(
            f"Fetching {SERVER}: this machine has no apt-get. Nothing was changed. Put `prometheus`,"
            " `promtool` and exporters on the PATH; the stack runs without them, too."
        )
    with tempfile.TemporaryDirectory(prefix="saleslake-prometheus-") as folder:
        packages = _download(apt_get, Path(folder))
        TOOLS.parent.mkdir(exist_ok=True)
        # Beside it, and renamed at the end: never half of it, also when two fetch at once.
        fresh = Path(tempfile.mkdtemp(prefix="prometheus-", dir=TOOLS.parent))
        for package in packages:
            run([dpkg, "-x", str(package), str(fresh)], doing=f"Unpacking {package.name}")
        shutil.rmtree(TOOLS, ignore_errors=True)
        fresh.rename(TOOLS)
    if os.geteuid() == 0 and not TEMPLATES.is_dir():
        shutil.copytree(TOOLS / TEMPLATES.relative_to("/"), TEMPLATES)
    return TOOLS


def _download(apt_get: str, folder: Path) -> list[Path]:
    said = ""
    for _ in range(2):
        got = subprocess.run(  # noqa: S603
            [apt_get, "download", "-qq", *PACKAGES], cwd=folder, check=False, capture_output=True, text=True
        )
        found = sorted(folder.glob("*.deb"))
        if not got.returncode and len(found) == len(PACKAGES):
            return found
        said = got.stderr.strip()
        if os.geteuid():
            break
        subprocess.run([apt_get, "update", "-qq"], check=False, capture_output=True)  # noqa: S603
    raise SetupError(
        f"Fetching {', '.join(PACKAGES)}: apt-get says: {said or 'nothing'}. Nothing was changed. If it knows"
        " no such package, run `apt-get update` as root first."
    )


def configuration(ports: Ports, found: Collection[str]) -> dict[str, Any]:
    """
    What the embedded Prometheus reads.

    Args:
        found: of PACKAGES those that are there.
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
    receivers = json.dumps([{"name": "team", "webhook_configs": hooks}])
    write_private(_routes_file(folder), f"{ROUTES.read_text(encoding='utf-8')}\nreceivers: {receivers}\n")
    found = {name: str(program) for name in PACKAGES if (program := binary(name))}
    write_private(configuration_file(folder), json.dumps(configuration(ports, found), indent=2) + "\n")
    write_private(_programs_file(folder), json.dumps(found, indent=2) + "\n")


def programs(folder: RunFolder) -> dict[str, Path]:
    """Of PACKAGES those that the stack of this folder has."""
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
        print(f"{', '.join(PACKAGES)}, promtool and amtool are in {fetch()}")
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
