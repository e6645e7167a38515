"""The stack of its own that the walk goes over, and the processes that are its victims."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil
import psycopg

from include.errors import StackError
from include.sales_db import connect
from include.settings import Settings, get_settings, settings_file, use_run_dir
from stack.chaos.disk import SmallDisk
from stack.chaos.recovery import Disruption
from stack.configuration import LAKE_WRITER
from stack.files import write_private
from stack.layout import Ports, RunFolder, kept_ports
from stack.lifecycle import Wanted, down, up
from stack.parts import postgres_server
from stack.processes import free_port
from stack.supervisor import Supervisor

# A driver that starts, replays and closes its first batch takes 40 to 80 s on two busy cores.
PEACE_WITHIN_SECONDS = 240
POLL_SECONDS = 0.25
SERVERS = ("kafka", "postgres")
# A small heap leaves room for a second JVM; a silent Java half is given up sooner than in production.
SETTINGS: dict[str, Any] = {"profile": "test", "stream": {"driver_memory": "1g", "java_silence_seconds": 15}}


@dataclass
class Stand:
    """The stack under test. `disruptions` is what was done to the stream, and when."""

    folder: RunFolder
    with_airflow: bool
    supervisor: Supervisor = field(init=False)
    disks: dict[str, SmallDisk] = field(init=False)  # by what lies on it
    disruptions: list[Disruption] = field(default_factory=list)
    # Data in which something is wrong is worth a look.
    keep_data: bool = True

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.folder)
        homes = {"lake": self.folder.lake_root, **{name: self.folder.home(name) for name in SERVERS}}
        self.disks = {name: SmallDisk(home, self.folder.root) for name, home in homes.items()}

    @property
    def settings(self) -> Settings:
        return get_settings()

    def up(self) -> None:
        """Every part that is wanted is healthy. Twice is once."""
        up(self.folder, Wanted(without_airflow=not self.with_airflow), lambda part, waiting_for: None)
        get_settings.cache_clear()

    def pid(self, part: str) -> int:
        """0 while it is down."""
        program = self.supervisor.programs().get(part)
        return program.pid if program else 0

    def kill(self, part: str) -> int:
        """`kill -9` of a part's own process; returns its pid."""
        pid = self.pid(part)
        with suppress(ProcessLookupError):
            if pid:
                os.kill(pid, signal.SIGKILL)
        return pid

    def driver(self, half: str) -> list[psutil.Process]:
        """The processes of the lake writer's `half`; of Java, before there is one, none."""
        pid = self.pid(LAKE_WRITER)
        if not pid:
            return []
        with suppress(psutil.NoSuchProcess):
            python = psutil.Process(pid)
            java = [child for child in python.children(recursive=True) if child.name() == "java"]
            return {"python": [python], "java": java, "both": [python, *java]}[half]
        return []

    def family(self, part: str) -> list[psutil.Process]:
        """A part's process and its children."""
        pid = self.pid(part)
        with suppress(psutil.NoSuchProcess):
            return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)] if pid else []
        return []

    def sessions_of_writer(self, names: str = "lake-writer") -> list[psutil.Process]:
        """That of its batches, or those with `names` (like); none while the server or the writer is down."""
        ports = kept_ports(self.folder)
        if ports is None:
            return []
        superuser = postgres_server(self.folder, ports).as_superuser("sales")
        query = "select pid from pg_stat_activity where application_name like %s"
        with (
            suppress(psycopg.OperationalError, psutil.NoSuchProcess),
            closing(connect(superuser, application_name="chaos")) as connection,
        ):
            return [psutil.Process(pid) for (pid,) in connection.execute(query, [names]).fetchall()]
        return []

    @contextmanager
    def disrupting(self, what: str, *, replaces_driver: bool) -> Iterator[None]:
        """The block is something that the stream has to recover from."""
        begun, driver = datetime.now(UTC), self.pid(LAKE_WRITER)
        try:
            yield
        finally:
            over = datetime.now(UTC)
            self.disruptions.append(Disruption(what, begun, over, driver if replaces_driver else None))

    def await_batch(self, *, seconds: float = PEACE_WITHIN_SECONDS) -> None:
        """
        Return when the stream has closed a batch after this call.

        Raises:
            StackError: it has not within `seconds`.
        """
        since, deadline = datetime.now(UTC), monotonic() + seconds
        while not self._has_batch_since(since):
            if monotonic() > deadline:
                raise StackError(
                    f"Waiting for the stream to close a batch: none within {seconds:.0f} s, while orders"
                    f" arrive. The run folder {self.folder.root} stays; read log/{LAKE_WRITER}.log in it."
                )
            sleep(POLL_SECONDS)

    def _has_batch_since(self, instant: datetime) -> bool:
        query = "select exists (select from ops.ledger where closed_at > %s)"
        with (
            suppress(psycopg.Error),
            closing(connect(self.settings.postgres, application_name="chaos")) as conn,
        ):
            row = conn.execute(query, (instant,)).fetchone()
            return bool(row and row[0])
        return False


def suspended(victims: list[psutil.Process], seconds: float) -> None:
    """The processes stand still for so long, and go on whatever happens here."""
    try:
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.suspend()
        sleep(seconds)
    finally:
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.resume()


@contextmanager
def standing(root: Path, *, with_airflow: bool) -> Iterator[Stand]:
    """A stack of its own in `root`, up inside the block; afterwards no process and no mount of it is left."""
    use_run_dir(root)
    stand = Stand(RunFolder(root), with_airflow)
    write_private(settings_file(root), json.dumps(SETTINGS, indent=2) + "\n")
    write_private(stand.folder.ports_file, json.dumps(asdict(unusual_ports())) + "\n")
    for disk in stand.disks.values():
        disk.mount()
    try:
        stand.up()
        yield stand
    finally:
        down(stand.folder, lambda part, waiting_for: None)
        for disk in stand.disks.values():
            disk.unmount(keep=stand.keep_data)


def unusual_ports() -> Ports:
    """Free ones: the usual ones are left to the stack that people work with."""
    chosen: set[int] = set()
    while len(chosen) < len(fields(Ports)):
        chosen.add(free_port())
    return Ports(*chosen)
