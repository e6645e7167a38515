"""
Peers' packages and jars: locked by hash beside this file, installed below `.bench/`.

A peer's Python packages are pinned in `<environment>.in`; its lock file is written from that by
`uv pip compile --generate-hashes --no-header --no-annotate --no-emit-index-url`.
"""

import shutil
import subprocess
from pathlib import Path

from bench.peers.peer import INSTALLED_ROOT, JARS_ROOT, PEERS_FOLDER, Peer
from include.errors import SetupError
from stack import jars
from stack.bootstrap import PYTHON, UV

JARS_LOCK = PEERS_FOLDER / "jars.lock"
JARS_HEAD = """\
# Jars of the peers: set, Maven coordinates, SHA-256. Written by `python -m bench.peers lock`.
"""
FLINK, FLINK_KAFKA, FLINK_JDBC = "2.2.1", "5.0.0-2.2", "4.0.0-2.0"
POSTGRESQL = "org.postgresql:postgresql:42.7.8"
# Each by name: what the connectors ask for is of other versions.
FLINK_PARTS = (
    "annotations", "cep", "clients", "connector-base", "connector-datagen", "core", "core-api", "datastream",
    "datastream-api", "file-sink-common", "hadoop-fs", "json", "metrics-core", "queryable-state-client-java",
    "rpc-akka-loader", "rpc-core", "runtime", "streaming-java", "table-api-bridge-base", "table-api-java",
    "table-api-java-bridge", "table-common", "table-planner-loader", "table-runtime",
)  # fmt: skip
JAR_ROOTS = {
    "tutorial": (POSTGRESQL,),
    "flink": (
        *(f"org.apache.flink:flink-{part}:{FLINK}" for part in FLINK_PARTS),
        f"org.apache.flink:flink-sql-connector-kafka:{FLINK_KAFKA}",
        f"org.apache.flink:flink-connector-jdbc-core:{FLINK_JDBC}",
        f"org.apache.flink:flink-connector-jdbc-postgres:{FLINK_JDBC}",
        POSTGRESQL,
        "org.slf4j:slf4j-api:2.0.17",
        "org.slf4j:slf4j-simple:2.0.17",
    ),
}


def installed(peer: Peer) -> bool:
    """All that the peer needs is there, and as locked."""
    return _has_packages(peer.environment) and not jars.differences(_jars_of(peer), JARS_ROOT)


def install(peer: Peer) -> None:
    """
    Afterwards the peer can be started. Twice changes nothing.

    Raises:
        SetupError: a package or a jar could not be had, or is not the locked one.
    """
    if peer.environment and not _has_packages(peer.environment):
        _install_packages(peer.environment)
    if peer.jars:
        jars.fetch(_jars_of(peer), JARS_ROOT)


def _jars_of(peer: Peer) -> list[jars.Jar]:
    return [jar for jar in jars.locked_jars(JARS_LOCK) if jar.set_name == peer.jars] if peer.jars else []


def _lock_of(environment: str) -> Path:
    return PEERS_FOLDER / f"{environment}.lock"


def _stamp_of(environment: str) -> Path:
    return INSTALLED_ROOT / environment / ".lock-sha256"


def _has_packages(environment: str | None) -> bool:
    if environment is None:
        return True
    stamp = _stamp_of(environment)
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == jars.sha256_of(_lock_of(environment))


def _install_packages(environment: str) -> None:
    folder = INSTALLED_ROOT / environment
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "bin" / "python"
    _run([UV, "venv", "--quiet", "--python", PYTHON, folder], environment)
    lock: list[str | Path] = ["--require-hashes", "--requirement", _lock_of(environment)]
    # Compiled now, or the first start would be measured with it.
    _run([UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *lock], environment)
    _stamp_of(environment).write_text(jars.sha256_of(_lock_of(environment)), encoding="utf-8")


def _run(command: list[str | Path], environment: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SetupError(
            f"Installing the packages of bench/peers/{environment}.lock: uv ended with code"
            f" {done.returncode}: {done.stderr.strip()[-800:]} The peer cannot be started. Correct what"
            " it says, then try again."
        )


def lock_jars() -> list[jars.Jar]:
    return jars.lock(JARS_LOCK, JARS_ROOT, JAR_ROOTS, JARS_HEAD)
