"""A stack for one measurement: its own run folder and ports, gone afterwards."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.settings import PROJECT_ROOT, get_settings, use_run_dir
from stack.layout import RunFolder
from stack.lifecycle import Wanted, down, up


@contextmanager
def own_stack(name: str, wanted: Wanted) -> Iterator[RunFolder]:
    """What is `wanted` runs, and `get_settings()` speaks of it."""
    root = Path(tempfile.mkdtemp(prefix=f"saleslake-{name}-"))
    folder = RunFolder(root)
    use_run_dir(root)
    try:
        up(folder, wanted, silent)
        get_settings.cache_clear()
        yield folder
    finally:
        down(folder, silent)
        shutil.rmtree(root, ignore_errors=True)


def saleslake(folder: RunFolder, *words: str) -> bool:
    command = [sys.executable, "-m", "stack.cli", "--run-dir", str(folder.root), *words]
    return subprocess.run(command, cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL).returncode == 0  # noqa: S603


def silent(part: str, waiting_for: str | None) -> None:
    """The figures say enough."""
