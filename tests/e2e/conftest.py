"""One stack for the files test_demo*.py, which pytest runs in the order of their names."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import settings_file
from stack.files import write_private
from stack.prometheus_programs import PACKAGES
from tests.demo_stack import Stack
from tests.prometheus_tools import tool


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    root = Path(tempfile.mkdtemp(prefix="saleslake-demo-"))
    for name in PACKAGES:  # found by the stack when it is started; Airflow's exporter where Go can build it
        tool(name)
    stack = Stack(root)
    # A few small files are too many, so that a small lake has something to compact.
    few = {"most_small_files": 2, "most_small_files_today": 2, "vacuum_least_files": 1}
    write_private(settings_file(root), json.dumps({"maintenance": few}))
    yield stack
    stack.call("down")
    shutil.rmtree(root, ignore_errors=True)
