"""What each thread of the lake writer does with the processor."""

import sys
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

from include.settings import PROJECT_ROOT

SAMPLE_SECONDS, SAMPLES_A_LOOK_AT_OTHERS = 0.005, 20
# What the kernel calls the threads of a virtual machine (at most 15 letters), and what they are there for.
OF_JAVA = {
    "C1 Compiler": "Java: compiling", "C2 Compiler": "Java: compiling", "GC Thread": "Java: garbage",
    "Executor task": "Java: tasks, from Kafka to Arrow", "stream executio": "Java: planning batches",
    "Thread-": "Java: planning, for Python",
}  # fmt: skip
OF_PYTHON = {"tokio": "Python: delta-rs", "rocksdb": "Python: RocksDB"}
OURS = tuple(f"{PROJECT_ROOT}/{folder}/" for folder in ("spark", "lake", "include"))


class Sampler:
    """
    Looks at the threads of this process, of its Java half with Spark's Python workers, and of PostgreSQL.

    Attributes:
        threads: core-seconds since `begin`, by what they are.
        functions: those of this process's Python threads, by innermost function of ours.
    """

    def __init__(self, java: psutil.Process, postgres: psutil.Process) -> None:
        self._java, self._postgres = java, postgres
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampling", daemon=True)
        self._seen: dict[Path, int] = {}
        self.threads, self.functions = defaultdict[str, float](float), defaultdict[str, float](float)

    def begin(self) -> None:
        self._look_at_others()
        self._sample()
        self.threads.clear()
        self.functions.clear()
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        count = 0
        while not self._stop.wait(SAMPLE_SECONDS):
            self._sample()
            count += 1
            if count % SAMPLES_A_LOOK_AT_OTHERS == 0:
                self._look_at_others()
        self._look_at_others()

    def _sample(self) -> None:
        native = {thread.ident: thread.native_id for thread in threading.enumerate()}
        for ident, frame in sys._current_frames().items():
            if ident == self._thread.ident or not native.get(ident):
                continue
            seconds = self._since(Path(f"/proc/self/task/{native[ident]}"))
            self.functions[_innermost(frame)] += seconds
            self.threads["Python: the driver's own code"] += seconds

    def _look_at_others(self) -> None:
        own = {str(thread.native_id) for thread in threading.enumerate()}
        for task in Path("/proc/self/task").iterdir():
            if task.name not in own:
                self.threads[_named(task, OF_PYTHON, "Python: Arrow's threads")] += self._since(task)
        for task in Path(f"/proc/{self._java.pid}/task").iterdir():
            self.threads[_named(task, OF_JAVA, "Java: the rest")] += self._since(task)
        for name, root in (("Spark's Python workers", self._java), ("PostgreSQL", self._postgres)):
            processes = [*root.children(recursive=True), *([root] if root is self._postgres else [])]
            for process in processes:
                self.threads[name] += sum(map(self._since, Path(f"/proc/{process.pid}/task").glob("*")))

    def _since(self, task: Path) -> float:
        """Core-seconds that the thread had since the last look at it; it may be gone."""
        with suppress(OSError):
            now = int((task / "schedstat").read_text().split()[0])
            before, self._seen[task] = self._seen.get(task, 0), now
            return (now - before) / 1e9
        return 0.0


def _named(task: Path, known: dict[str, str], other: str) -> str:
    with suppress(OSError):
        comm = (task / "comm").read_text().strip()
        for begin, name in known.items():
            if comm.startswith(begin):
                return name
    return other


def _innermost(frame: FrameType | None) -> str:
    while frame is not None:
        if frame.f_code.co_filename.startswith(OURS):
            return f"{frame.f_code.co_filename.removeprefix(f'{PROJECT_ROOT}/')}: {frame.f_code.co_name}"
        frame = frame.f_back
    return "others'"
