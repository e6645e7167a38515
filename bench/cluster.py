"""A Spark standalone cluster here: a master, and workers with one core each, from pyspark's own scripts."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from bench.measuring import tree
from bench.writer import end_all
from include.errors import SetupError
from include.settings import child_environment
from stack.java import java_home
from stack.processes import LOOPBACK, answers, end, free_port, wait_until

START_SECONDS = 60
ALIVE = "Registering worker"


@dataclass(frozen=True)
class Cluster:
    """`url` is what `stream.master` is to be; `processes` are the master's and the workers'."""

    url: str
    processes: tuple[psutil.Process, ...]


@contextmanager
def cluster(folder: Path, *, workers: int = 2, memory: str = "1500m") -> Iterator[Cluster]:
    """The cluster runs inside the block. Its logs and working folders lie in `folder`."""
    folder.mkdir()
    port, address = free_port(), ("--host", LOOPBACK)
    with ExitStack() as running:
        ui = ("--webui-port", str(free_port()))
        master = running.enter_context(
            _daemon(folder, "master", "Master", *address, "--port", str(port), *ui)
        )
        wait_until(lambda: answers(port), seconds=START_SECONDS, what=f"Spark's master on port {port}")
        url = f"spark://{LOOPBACK}:{port}"
        size = ("--cores", "1", "--memory", memory)
        started = []
        for number in range(workers):
            place = ("--webui-port", str(free_port()), "--work-dir", str(folder / f"work-{number}"))
            worker = _daemon(folder, f"worker-{number}", "Worker", *address, *size, *place, url)
            started.append(running.enter_context(worker))
        log = folder / "master.log"
        wait_until(
            lambda: log.read_text(errors="replace").count(ALIVE) >= workers,
            seconds=START_SECONDS,
            what=f"{workers} workers at Spark's master ({log})",
        )
        yield Cluster(url, (master, *started))


@contextmanager
def _daemon(folder: Path, name: str, kind: str, *words: str) -> Iterator[psutil.Process]:
    spark = _home()
    command = [str(spark / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind.lower()}.{kind}", *words]
    environment = child_environment(
        SPARK_HOME=str(spark),
        JAVA_HOME=str(java_home()),
        SPARK_LOCAL_IP=LOOPBACK,
        SPARK_LOCAL_DIRS=str(folder),
    )
    with (folder / f"{name}.log").open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            command, env=environment, cwd=folder, stdout=output, stderr=output
        )
    daemon = psutil.Process(process.pid)
    try:
        yield daemon
    finally:
        children = tree(daemon)
        end(process, seconds=20, interrupt=signal.SIGTERM)
        end_all(children)


def _home() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise SetupError("Looking for Spark's scripts: pyspark is not installed. Run `make setup`.")
    return Path(spec.origin).parent
