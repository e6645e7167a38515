"""The process manager: supervisord's configuration, its start, and its interface on a private socket."""

import configparser
import io
import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from include.errors import StackError
from include.settings import PROJECT_ROOT, RUN_DIR_VARIABLE, child_environment, machine_variable
from stack.configuration import airflow_configuration
from stack.files import last_lines, write_private
from stack.java import java_home
from stack.layout import RunFolder
from stack.parts import Part
from stack.processes import wait_for_end, wait_until

PART_VARIABLE = "SALESLAKE_PART"
LOG_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Program:
    """What the process manager says about one part."""

    name: str
    state: str  # STOPPED STARTING RUNNING BACKOFF STOPPING EXITED FATAL
    pid: int
    started_at: int
    said: str

    @property
    def is_alive(self) -> bool:
        """The process is there. supervisord says STARTING for a while, however soon the part is healthy."""
        return self.pid > 0 and self.state in ("RUNNING", "STARTING")


def write_configuration(folder: RunFolder, parts: Iterable[Part]) -> None:
    writer = configparser.RawConfigParser()
    writer.read_dict(_frame(folder) | {f"program:{part.name}": _program(folder, part) for part in parts})
    text = io.StringIO()
    writer.write(text)
    write_private(folder.supervisor_configuration, text.getvalue())


def _escaped(text: object) -> str:
    """supervisord expands `%(…)s` in every value."""
    return str(text).replace("%", "%%")


def _frame(folder: RunFolder) -> dict[str, dict[str, object]]:
    socket = _escaped(folder.supervisor_socket)
    return {
        "unix_http_server": {"file": socket, "chmod": "0600"},
        "supervisord": {
            "logfile": _escaped(folder.log("supervisord")),
            "logfile_maxbytes": LOG_BYTES,
            "logfile_backups": 1,
            "pidfile": _escaped(folder.root / "supervisord.pid"),
            "umask": "077",
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        "supervisorctl": {"serverurl": f"unix://{socket}"},
    }


def _program(folder: RunFolder, part: Part) -> dict[str, object]:
    variables = {PART_VARIABLE: part.name, **part.environment}
    options: dict[str, object] = {
        "command": _escaped(shlex.join(part.command)),
        "directory": _escaped(part.home),
        "environment": ",".join(f'{name}="{_escaped(value)}"' for name, value in variables.items()),
        # `up` starts the parts itself, in their order, once what they need is there.
        "autostart": "false",
        "autorestart": "true",
        "startsecs": part.start_seconds,
        "startretries": part.start_retries,
        "stopsignal": part.stop_signal,
        "stopwaitsecs": part.stop_seconds,
        "stopasgroup": str(part.stop_children).lower(),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": _escaped(folder.log(part.name)),
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": 2,
    }
    return options | ({"user": part.user} if part.user else {})


def environment(folder: RunFolder) -> dict[str, str]:
    """What every part is started with."""
    home = java_home()
    path = [Path(sys.executable).parent, home / "bin", machine_variable("PATH") or "/usr/bin:/bin"]
    return child_environment(
        **{
            RUN_DIR_VARIABLE: str(folder.root),
            "PATH": ":".join(map(str, path)),
            "JAVA_HOME": str(home),
            "PYTHONPATH": str(PROJECT_ROOT),
            "PYTHONUNBUFFERED": "1",
            "AIRFLOW_HOME": str(folder.home("airflow")),
            "AIRFLOW_CONFIG": str(airflow_configuration(folder)),
            "GX_ANALYTICS_ENABLED": "false",
            "TZ": "UTC",
        }
    )


class Supervisor:
    """A conversation with the process manager of one run folder."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.folder.supervisor_socket}")
        with ServerProxy("http://localhost", transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def is_running(self) -> bool:
        try:
            return bool(self._call("getState")["statecode"] >= 0)
        except (OSError, Fault):
            return False

    def start_daemon(self) -> None:
        """
        The process manager runs and answers. Its configuration must be written.

        Raises:
            StackError: it did not come up.
        """
        self.folder.supervisor_socket.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "supervisor.supervisord",
            "-c",
            str(self.folder.supervisor_configuration),
        ]
        subprocess.run(  # noqa: S603
            command, env=environment(self.folder), cwd=self.folder.root, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_until(self.is_running, seconds=20, what="the process manager")
        except StackError as error:
            log = "\n".join(last_lines(self.folder.log("supervisord")))
            raise StackError(f"Starting the process manager: no answer after 20 s.\n{log}") from error

    def programs(self) -> dict[str, Program]:
        """Every part by name; empty while the process manager is down."""
        if not self.is_running():
            return {}
        said = self._call("getAllProcessInfo")
        return {
            one["name"]: Program(
                one["name"], one["statename"], one["pid"], one["start"], one["spawnerr"] or one["description"]
            )
            for one in said
        }

    def start(self, name: str) -> None:
        """Ask for a start and do not wait. A part that runs goes on."""
        try:
            self._call("startProcess", name, False)
        except Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise StackError(f"Starting {name}: the process manager says {fault.faultString}.") from fault

    def stop(self, name: str) -> None:
        """Stop a part and wait until it is gone. A part that is stopped stays so."""
        try:
            self._call("stopProcess", name, True)
        except Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise StackError(f"Stopping {name}: the process manager says {fault.faultString}.") from fault

    def reload(self, name: str) -> None:
        """Take the configuration of one stopped part from the file anew."""
        self._call("reloadConfig")
        for verb in ("removeProcessGroup", "addProcessGroup"):
            self._call(verb, name)

    def shutdown(self) -> None:
        """End the process manager, and with it every part that still runs."""
        daemon = psutil.Process(self._call("getPID"))
        self._call("shutdown")
        wait_for_end([daemon], seconds=60)
