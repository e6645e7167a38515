"""Small tools for processes and ports: free ports, waiting for a condition, ending what was started."""

import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

from include.errors import StackError

LOOPBACK = "127.0.0.1"
# Linux gives those from 32768 on to outgoing connections: one of them may be taken before a server has it.
FREE_PORTS = range(20_000, 32_768)


def port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connection lingers in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    while not port_is_free(port := secrets.choice(FREE_PORTS)):
        pass
    return port


def answers(port: int, timeout: float = 1.0) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout).close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str, interval: float = 0.2) -> None:
    """
    Return as soon as `condition()` holds.

    Raises:
        StackError: it did not hold within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StackError(f"Waiting for {what}: not so after {seconds:.0f} s. See its log for the reason.")
        time.sleep(interval)


def end(process: subprocess.Popen[bytes], *, seconds: float, interrupt: int) -> None:
    """Send `interrupt`, wait, and kill what did not listen. The process is gone afterwards."""
    if process.poll() is not None:
        return
    process.send_signal(interrupt)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for_end(processes: Iterable[psutil.Process], *, seconds: float) -> None:
    """Wait until all have ended. A zombie has: in a container nobody may ever collect it."""
    deadline = time.monotonic() + seconds
    alive = list(processes)
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = [process for process in alive if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def run(command: Sequence[str | Path], *, doing: str, **options: object) -> str:
    """
    Run a command to its end and return its output.

    Raises:
        StackError: it failed; the message carries the end of its output.
    """
    done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options
    )
    if done.returncode != 0:
        raise StackError(f"{doing}: exit code {done.returncode}. Its last lines:\n{done.stdout[-1500:]}")
    return str(done.stdout)
