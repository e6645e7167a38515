"""
Prometheus beside the stack: found on the machine, or taken from Debian's package without installing it.

    python -m stack.prometheus fetch     # into .tools, for `saleslake up` and the tests; needs no root

Debian's package starts a server that listens on every address when it is installed; its files alone do not.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from include.errors import SetupError
from include.settings import PROJECT_ROOT
from stack.files import write_private
from stack.layout import Ports, RunFolder
from stack.processes import LOOPBACK, run

PACKAGE = "prometheus"
TOOLS = PROJECT_ROOT / ".tools" / PACKAGE
RULES = PROJECT_ROOT / "astro" / "prometheus" / "rules"
HOW = "`python -m stack.prometheus fetch` takes it from Debian's package, without installing anything"
KEPT = "15d"


def binary(name: str = "prometheus") -> Path | None:
    """`prometheus` or `promtool`: the machine's own, else the fetched one; None where there is neither."""
    own = shutil.which(name)
    fetched = TOOLS / "usr" / "bin" / name
    return Path(own) if own else fetched if os.access(fetched, os.X_OK) else None


def fetch() -> Path:
    """
    Prometheus and promtool, from Debian's package, whose hash apt checks.

    Raises:
        SetupError: this is no Debian, or the package cannot be had.
    """
    apt_get, dpkg = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt_get is None or dpkg is None:
        raise SetupError(
            f"Fetching {PACKAGE}: this machine has no apt-get. Nothing was changed. Put `prometheus` and"
            " `promtool` on the PATH; the stack runs without them, too."
        )
    with tempfile.TemporaryDirectory(prefix="saleslake-prometheus-") as folder:
        package = _download(apt_get, Path(folder))
        TOOLS.parent.mkdir(exist_ok=True)
        shutil.rmtree(TOOLS, ignore_errors=True)
        run([dpkg, "-x", str(package), str(TOOLS)], doing=f"Unpacking {package.name}")
    return TOOLS


def _download(apt_get: str, folder: Path) -> Path:
    said = ""
    for _ in range(2):
        got = subprocess.run(  # noqa: S603
            [apt_get, "download", "-qq", PACKAGE], cwd=folder, check=False, capture_output=True, text=True
        )
        found = list(folder.glob("*.deb"))
        if not got.returncode and found:
            return found[0]
        said = got.stderr.strip()
        if os.geteuid():
            break
        subprocess.run([apt_get, "update", "-qq"], check=False, capture_output=True)  # noqa: S603
    raise SetupError(
        f"Fetching {PACKAGE}: apt-get says: {said or 'nothing'}. Nothing was changed. If it knows no such"
        " package, run `apt-get update` as root first."
    )


def configuration(ports: Ports) -> dict[str, Any]:
    """What the embedded Prometheus reads."""

    def job(name: str, port: int) -> dict[str, Any]:
        return {"job_name": name, "static_configs": [{"targets": [f"{LOOPBACK}:{port}"]}]}

    return {
        "global": {
            "scrape_interval": "5s",
            "evaluation_interval": "5s",
            "external_labels": {"runbooks": f"http://{LOOPBACK}:{ports.airflow}/saleslake/runbooks"},
        },
        "rule_files": [str(RULES / "*.yml")],
        "scrape_configs": [
            job("lake-writer", ports.lake_writer_metrics),
            job("prometheus", ports.prometheus),
        ],
    }


def write_configuration(folder: RunFolder, ports: Ports) -> None:
    # JSON is YAML, too.
    write_private(configuration_file(folder), json.dumps(configuration(ports), indent=2) + "\n")


def configuration_file(folder: RunFolder) -> Path:
    return folder.home(PACKAGE) / "prometheus.yml"


def command(program: Path, folder: RunFolder, ports: Ports) -> list[str]:
    return [
        str(program),
        f"--config.file={configuration_file(folder)}",
        f"--storage.tsdb.path={folder.home(PACKAGE) / 'data'}",
        f"--storage.tsdb.retention.time={KEPT}",
        f"--web.listen-address={LOOPBACK}:{ports.prometheus}",
        "--web.console.libraries=",
        "--web.console.templates=",
        "--log.level=warn",
    ]


def health(ports: Ports) -> str | None:
    """What keeps it from being healthy; None: nothing does."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{ports.prometheus}/-/ready", timeout=5):
            return None
    except (OSError, urllib.error.URLError) as error:
        return f"is not ready: {error}"


def main(argv: list[str] | None = None) -> int:
    if (sys.argv[1:] if argv is None else argv) != ["fetch"]:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(f"prometheus and promtool are in {fetch()}")
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
