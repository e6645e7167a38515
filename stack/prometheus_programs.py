"""
Prometheus and its exporters: found on the machine, or fetched into `.tools` without being installed. Debian's
packages start servers that listen on every address when installed; their files alone do not.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from include.errors import SetupError
from include.settings import PROJECT_ROOT, child_environment
from stack.processes import run

SERVER, ALERTMANAGER, POSTGRES_EXPORTER, HOST_EXPORTER = PACKAGES = (
    "prometheus", "prometheus-alertmanager", "prometheus-postgres-exporter", "prometheus-node-exporter",
)  # fmt: skip
# Of what Airflow sends. Debian does not have it; it is built from its Go module where there is Go.
STATSD_EXPORTER, STATSD_EXPORTER_MODULE = "statsd_exporter", "github.com/prometheus/statsd_exporter@v0.31.0"
PROGRAMS = (*PACKAGES, STATSD_EXPORTER)
TOOLS = PROJECT_ROOT / ".tools" / "prometheus"
BIN = Path("usr/bin")
HOW = "`.venv/bin/python -m stack.prometheus fetch` takes them from Debian's packages and installs nothing"
# Debian's Alertmanager looks for them there and nowhere else, and does not start without them.
TEMPLATES = Path("/usr/share/prometheus/alertmanager")
HINTS = {
    ALERTMANAGER: f"{ALERTMANAGER} wants its templates in {TEMPLATES}, where only root can put them",
    STATSD_EXPORTER: f"{STATSD_EXPORTER} is built where there is Go",
}


def binary(name: str = SERVER) -> Path | None:
    """A server, an exporter or `promtool`: the machine's own, or the fetched one; None: there is neither."""
    own = shutil.which(name)
    fetched = TOOLS / BIN / name
    if not own and name == ALERTMANAGER and not TEMPLATES.is_dir():
        return None
    return Path(own) if own else fetched if os.access(fetched, os.X_OK) else None


def fetch() -> Path:
    """
    Prometheus, promtool and exporters, from Debian's packages, whose hashes apt checks; Airflow's exporter,
    where there is a Go that can build it, from its module, whose hash Go checks.

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
        _build(STATSD_EXPORTER_MODULE, fresh / BIN)
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


def _build(module: str, folder: Path) -> None:
    go = shutil.which("go")
    if go is None or shutil.which(STATSD_EXPORTER):
        return
    environment = child_environment(GOBIN=str(folder), CGO_ENABLED="0")
    got = subprocess.run(  # noqa: S603
        [go, "install", module], env=environment, check=False, capture_output=True, text=True
    )
    if got.returncode:
        # The rest is of use without it; a Go that is too old, as Debian 12's, must not cost Prometheus.
        print(
            f"Building {module}: Go says: {got.stderr.strip() or 'nothing'}. The other programs are fetched;"
            f" Airflow's own metrics are not watched. A {STATSD_EXPORTER} on the PATH is used.",
            file=sys.stderr,
        )
