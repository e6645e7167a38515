"""Where everything of one running stack lies: the run folder, and the ports it keeps."""

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from include.errors import StackError
from include.settings import PROJECT_ROOT
from stack.files import private_folder, write_private
from stack.processes import free_port, port_is_free

# A UNIX socket's path may have 107 characters; supervisord adds a suffix while it binds.
MAX_SOCKET_PATH = 90


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The run folder of one stack. Nothing outside of it and of the lake's root is written."""

    root: Path

    @property
    def lake_root(self) -> Path:
        is_default = self.root == PROJECT_ROOT / ".run"
        return PROJECT_ROOT / "lake" / "data" if is_default else self.root / "lake"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.sqlite"

    @property
    def ports_file(self) -> Path:
        return self.root / "ports.json"

    @property
    def supervisor_configuration(self) -> Path:
        return self.root / "supervisord.conf"

    def secret(self, name: str) -> Path:
        return self.root / "secrets" / name

    def log(self, part: str) -> Path:
        return self.root / "log" / f"{part}.log"

    def home(self, part: str) -> Path:
        """The folder a part works in."""
        return self.root / part

    @property
    def supervisor_socket(self) -> Path:
        inside = self.root / "supervisor.sock"
        if len(str(inside)) <= MAX_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(str(self.root).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"saleslake-{os.getuid()}-{digest}" / "supervisor.sock"

    def create(self) -> None:
        """All folders exist; those with secrets or sockets are ours alone."""
        for name in ("log", "airflow", "kafka", "postgres", "lake-writer", "stream-watchdog", "simulator",
                     "prometheus"):  # fmt: skip
            (self.root / name).mkdir(parents=True, exist_ok=True)
        private_folder(self.root / "secrets")
        if self.supervisor_socket.parent != self.root:
            self._create_socket_folder()

    def _create_socket_folder(self) -> None:
        folder = private_folder(self.supervisor_socket.parent)
        if folder.stat().st_uid != os.getuid():
            raise StackError(
                f"Preparing {folder} for the process manager's socket: it belongs to another user."
                " Nothing was started. Choose a run folder with a shorter path."
            )


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one stack, all on loopback. The defaults are the usual ones."""

    kafka: int = 9092
    kafka_controller: int = 9093
    postgres: int = 5432
    airflow: int = 8080
    lake_writer_metrics: int = 9464
    prometheus: int = 9090
    alertmanager: int = 9094
    postgres_metrics: int = 9187
    host_metrics: int = 9100
    kafka_metrics: int = 9404
    airflow_metrics: int = 9102
    airflow_statsd: int = 9125  # UDP


def kept_ports(folder: RunFolder) -> Ports | None:
    if not folder.ports_file.is_file():
        return None
    return Ports(**json.loads(folder.ports_file.read_text(encoding="utf-8")))


def choose_ports(folder: RunFolder) -> Ports:
    """
    The ports to use from now on, kept in the run folder: the last ones where they are free, so that a
    bookmark or a BI connection goes on working; else a free one. Call it only while the stack is down.
    """
    wanted = asdict(kept_ports(folder) or Ports())
    chosen: dict[str, int] = {}
    for name, port in wanted.items():
        chosen[name] = port if port_is_free(port) else _another(chosen)
    ports = Ports(**chosen)
    write_private(folder.ports_file, json.dumps(asdict(ports), indent=2) + "\n")
    return ports


def _another(taken: dict[str, int]) -> int:
    while (port := free_port()) in taken.values():
        pass
    return port
