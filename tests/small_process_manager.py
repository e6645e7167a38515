"""A process manager of a test's own: program `stream` does nothing for ever, `family` has a child."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.errors import StackError
from include.process_manager import ProcessManager
from stack.processes import end, wait_until

CONFIGURATION = """
[unix_http_server]
file={folder}/supervisor.sock
[supervisord]
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:stream]
command={python} -c "import signal; signal.pause()"
startsecs=0
autorestart=true
stopwaitsecs=60
[program:family]
command={python} -c "{family}"
directory={folder}
autostart=false
startsecs=0
"""
# A Python half and what stands for its JVM, whose number it leaves in a file.
FAMILY = (
    "import pathlib, subprocess; child = subprocess.Popen(['sleep', '60']);"
    " pathlib.Path('child').write_text(str(child.pid)); child.wait()"
)


@contextmanager
def process_manager(folder: Path) -> Iterator[ProcessManager]:
    """A process manager with one program that does nothing for ever."""
    file = folder / "supervisord.conf"
    file.write_text(CONFIGURATION.format(folder=folder, python=sys.executable, family=FAMILY))
    process = subprocess.Popen([sys.executable, "-m", "supervisor.supervisord", "-c", str(file)])
    manager = ProcessManager(folder / "supervisor.sock", "stream")
    try:
        wait_until(lambda: _is_running(manager), seconds=20, what="the process manager")
        yield manager
    finally:
        end(process, seconds=20, interrupt=signal.SIGTERM)


def _is_running(manager: ProcessManager) -> bool:
    try:
        return manager.process().state == "RUNNING"
    except StackError:
        return False
