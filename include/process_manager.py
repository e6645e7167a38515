"""The runtime of one machine: the process manager (supervisord), spoken to over its private socket."""

import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from include.errors import StackError
from include.stream_runtime import Process

POLL_SECONDS = 0.2


class ProcessManager:
    """A `StreamRuntime`: one program of the process manager at `socket`."""

    def __init__(self, socket: Path | None, program: str) -> None:
        if socket is None:
            raise StackError(
                f"Looking for the process manager of {program}: supervision.supervisor_socket is not set."
                " Nothing was judged. Set it in settings.json, or pause supervise_streams here."
            )
        self.socket = socket
        self.program = program

    def process(self) -> Process:
        """
        Raises:
            StackError: the process manager does not answer, or does not know the program.
        """
        said = self._call("getProcessInfo", self.program)
        started_at = datetime.fromtimestamp(said["start"], tz=UTC) if said["start"] else None
        return Process(said["statename"], said["pid"], started_at)

    def restart(self, *, force: bool, stop_seconds: float) -> Process:
        """
        Stop the program and start it. Returns the new process.

        Args:
            force: kill it and what it started at once. Otherwise it may finish what it
                is doing; the process manager kills it when that takes longer than its `stopwaitsecs`.

        Raises:
            StackError: it did not end within `stop_seconds`; it is still stopping.
        """
        # Asked before the stop: it may be the JVM alone that hangs, and outlives a parent that ends in time.
        group = _own_group(self.process().pid) if force else None
        self._call("stopProcess", self.program, False, tolerated="NOT_RUNNING")
        if force:
            self._kill(group)
        deadline = time.monotonic() + stop_seconds
        while self.process().state == "STOPPING":
            if time.monotonic() > deadline:
                raise StackError(self._trouble("stop", f"still stopping after {stop_seconds:.0f} s"))
            time.sleep(POLL_SECONDS)
        self._call("startProcess", self.program, False, tolerated="ALREADY_STARTED")
        return self.process()

    def _kill(self, group: int | None) -> None:
        """The process manager's own signal reaches the program alone, and not the JVM under it."""
        if group is None:
            self._call("signalProcess", self.program, "KILL", tolerated="NOT_RUNNING")
            return
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)

    def _call(self, method: str, *arguments: object, tolerated: str | None = None) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            with ServerProxy("http://localhost", transport) as proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except Fault as fault:
            if tolerated and tolerated in fault.faultString:
                return None
            raise StackError(self._trouble(method, fault.faultString)) from fault
        except OSError as error:
            raise StackError(self._trouble(method, str(error))) from error

    def _trouble(self, method: str, said: str) -> str:
        return (
            f"Asking the process manager at {self.socket} to {method} {self.program}: {said}."
            " The program is as it was. See `saleslake status`; `saleslake up` starts what is missing."
        )


def _own_group(pid: int) -> int | None:
    """The process group that `pid` leads. None: it is gone, or shares the group of somebody else."""
    try:
        return pid if pid and os.getpgid(pid) == pid else None
    except ProcessLookupError:
        return None
