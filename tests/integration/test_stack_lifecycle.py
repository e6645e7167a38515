"""Up, up again, crash, up, down: the process manager with its two servers, for real."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from include.errors import PartNotHealthy
from stack.layout import RunFolder
from stack.leftovers import leftovers
from stack.lifecycle import Wanted, down, up
from stack.supervisor import Supervisor

pytestmark = pytest.mark.stack
SERVERS_ONLY = Wanted(without_airflow=True, without_lake_writer=True, without_prometheus=True)


def silent(part: str, waiting_for: str | None) -> None:
    """Nobody watches a test."""


@pytest.fixture(scope="module")
def folder() -> Iterator[RunFolder]:
    with tempfile.TemporaryDirectory(prefix="saleslake-lifecycle-") as root:
        folder = RunFolder(Path(root) / "run")
        yield folder
        down(folder, silent)


def pids(folder: RunFolder) -> dict[str, int]:
    programs = Supervisor(folder).programs().values()
    return {program.name: program.pid for program in programs if program.pid}


def test_up_twice_starts_once(folder: RunFolder) -> None:
    """The second `up` finds everything there and leaves it alone."""
    up(folder, SERVERS_ONLY, silent)
    first = pids(folder)
    up(folder, SERVERS_ONLY, silent)
    assert set(first) == {"kafka", "postgres"}
    assert pids(folder) == first


def test_a_killed_server_comes_back(folder: RunFolder) -> None:
    """The process manager starts it again; `up` waits for it."""
    before = pids(folder)
    psutil.Process(before["postgres"]).kill()
    up(folder, SERVERS_ONLY, silent)
    assert pids(folder)["postgres"] != before["postgres"]


def test_up_works_after_everything_was_killed(folder: RunFolder) -> None:
    """Stale pids, sockets and postmaster.pid are in nobody's way."""
    manager = psutil.Process(int((folder.root / "supervisord.pid").read_text()))
    everything = [manager, *leftovers(folder)]
    for process in everything:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    up(folder, SERVERS_ONLY, silent)
    assert set(pids(folder)) == {"kafka", "postgres"}


def test_a_part_that_cannot_start_is_named_with_its_log(folder: RunFolder) -> None:
    """Which one, why, and what to do."""
    down(folder, silent)
    properties = folder.home("kafka") / "data" / "meta.properties"
    kept = properties.read_text()
    properties.write_text("version=1\ncluster.id=somebody-elses\nnode.id=7\n")
    with pytest.raises(PartNotHealthy, match=r"Starting kafka[\s\S]*node[\s\S]*saleslake doctor"):
        up(folder, SERVERS_ONLY, silent)
    properties.write_text(kept)


def test_down_leaves_nothing(folder: RunFolder) -> None:
    """No process, no socket; a second `down` has nothing to do."""
    down(folder, silent)
    assert leftovers(folder) == []
    assert not folder.supervisor_socket.exists()
    assert down(folder, silent) == 0
