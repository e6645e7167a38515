"""What supervision needs of whatever keeps a stream's process: to look at it, and to restart it."""

from datetime import datetime
from typing import NamedTuple, Protocol

from include.settings import SupervisionSettings

# States of a process. The names are supervisord's; another runtime translates its own.
COMING_UP = frozenset({"STARTING", "BACKOFF", "STOPPING"})
GIVEN_UP = frozenset({"EXITED", "FATAL", "UNKNOWN"})


class Process(NamedTuple):
    """What the runtime says about the process. `pid` is the number the stream itself reports under."""

    state: str
    pid: int
    started_at: datetime | None


class StreamRuntime(Protocol):
    """
    Keeps one process of one stream. Never two: `restart` returns when the old process is gone, or raises.
    """

    def process(self) -> Process:
        """
        Raises:
            StackError: the runtime does not answer, or does not know the stream.
        """
        ...

    def restart(self, *, force: bool, stop_seconds: float) -> Process:
        """
        Stop the process and start another, which is returned.

        Args:
            force: kill it at once; otherwise it may finish what it is doing.

        Raises:
            StackError: it did not end within `stop_seconds`. No other was started.
        """
        ...


def runtime_of(settings: SupervisionSettings) -> StreamRuntime:
    """
    The runtime that keeps the stream here: supervisord. One for the Spark operator on Kubernetes would be a
    file of its own beside `include/process_manager.py`, and be chosen here.
    """
    from include.process_manager import ProcessManager

    return ProcessManager(settings.supervisor_socket, settings.program)
