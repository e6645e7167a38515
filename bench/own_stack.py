"""A stack for one measurement: its own run folder and ports, gone afterwards."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from include.settings import PROJECT_ROOT, get_settings, settings_file, use_run_dir
from stack.files import write_private
from stack.layout import RunFolder
from stack.lifecycle import Wanted, down, up


@contextmanager
def own_stack(name: str, wanted: Wanted, settings: Mapping[str, Any] | None = None) -> Iterator[RunFolder]:
    """What is `wanted` runs, with `settings` that are not the defaults, and `get_settings()` speaks of it."""
    root = Path(tempfile.mkdtemp(prefix=f"saleslake-{name}-"))
    folder = RunFolder(root)
    if settings:
        write_private(settings_file(root), json.dumps(settings, indent=2) + "\n")
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
