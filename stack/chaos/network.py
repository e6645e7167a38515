"""The network between the parts: connections that break off."""

import os
import shutil
import subprocess

from stack.processes import LOOPBACK


def cut(port: int) -> int | None:
    """
    Reset every connection to `port`, at both ends and in the midst of what they say.

    Returns:
        How many there were; None where the kernel does not let us (needs root, and `ss` of iproute2).
    """
    ss = shutil.which("ss")
    if ss is None or os.geteuid() != 0:
        return None
    wanted = ["-Htn", "state", "established", "dst", LOOPBACK, "dport", "=", f":{port}"]
    before = subprocess.run([ss, *wanted], capture_output=True, text=True, check=False)  # noqa: S603
    done = subprocess.run([ss, "-K", *wanted], capture_output=True, text=True, check=False)  # noqa: S603
    return len(before.stdout.splitlines()) if done.returncode == 0 else None
