"""
Jars of Spark and of the Kafka broker: locked by coordinates and SHA-256, fetched from Maven Central.

    python -m stack.jars fetch     # what jars.lock names, into .jars/
    python -m stack.jars verify    # says which file is missing or differs
    python -m stack.jars lock      # resolve anew and rewrite jars.lock
"""

import argparse
import hashlib
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from include.errors import LakehouseError, SetupError
from include.settings import PROJECT_ROOT

JARS_LOCK = PROJECT_ROOT / "jars.lock"
JARS_ROOT = PROJECT_ROOT / ".jars"
DOWNLOADS_AT_A_TIME = 8

# What each set is for; everything else in jars.lock follows from these.
ROOTS = {
    "spark": (
        "io.delta:delta-spark_4.2_2.13:4.4.0",
        "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0",
    ),
    "kafka": (
        "org.apache.kafka:kafka_2.13:4.4.0",
        # The broker logs through slf4j and is silent without a binding.
        "org.slf4j:slf4j-reload4j:2.0.17",
    ),
    # The broker's metrics for Prometheus: an agent, on nobody's class path.
    "jmx": ("io.prometheus.jmx:jmx_prometheus_javaagent:1.0.1",),
}
LOCK_HEAD = """\
# Jars of the stack: set, Maven coordinates, SHA-256. Written by `make lock`, fetched by `make setup`.
"""


@dataclass(frozen=True, slots=True, order=True)
class Jar:
    """One line of jars.lock."""

    set_name: str
    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    def path(self, jars_root: Path) -> Path:
        return jars_root / self.set_name / self.file_name


def parse_lock(text: str) -> list[Jar]:
    """
    The jars a lock file names.

    Raises:
        SetupError: a line is not `set group:artifact:version sha256`.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [_parse_line(line) for line in lines]


def _parse_line(line: str) -> Jar:
    words = line.split()
    coordinates = words[1].split(":") if len(words) == 3 else []
    if len(coordinates) != 3 or len(words[2]) != 64:
        raise SetupError(
            f"Reading jars.lock: found {line!r}, which is not `set group:artifact:version sha256`."
            " No jar was touched. Restore the file, or write it anew with `make lock`."
        )
    group, artifact, version = coordinates
    return Jar(words[0], group, artifact, version, words[2])


def format_lock(jars: Iterable[Jar], head: str = LOCK_HEAD) -> str:
    return head + "".join(f"{jar.set_name} {jar.coordinates} {jar.sha256}\n" for jar in sorted(jars))


def locked_jars(lock_file: Path = JARS_LOCK) -> list[Jar]:
    if not lock_file.is_file():
        raise SetupError(f"Reading {lock_file}: it is not there. Restore it, or write it with `make lock`.")
    return parse_lock(lock_file.read_text(encoding="utf-8"))


def sha256_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def differences(jars: Iterable[Jar], jars_root: Path = JARS_ROOT) -> list[str]:
    """What is missing or differs, one sentence each; empty when every jar is the locked one."""
    return [found for jar in jars if (found := _difference(jar, jars_root))]


def _difference(jar: Jar, jars_root: Path) -> str | None:
    file = jar.path(jars_root)
    if not file.is_file():
        return f"{jar.set_name}/{jar.file_name} is missing"
    if (found := sha256_of(file)) != jar.sha256:
        return f"{jar.set_name}/{jar.file_name} has SHA-256 {found[:12]}…, locked is {jar.sha256[:12]}…"
    return None


def fetch(jars: Iterable[Jar], jars_root: Path = JARS_ROOT) -> int:
    """
    Make `jars_root` hold exactly the jars given; returns how many were downloaded. Twice downloads nothing.

    Raises:
        SetupError: a download failed or has another checksum; that jar is not installed.
    """
    wanted = list(jars)
    missing = [jar for jar in wanted if _difference(jar, jars_root)]
    with ThreadPoolExecutor(DOWNLOADS_AT_A_TIME) as pool:
        list(pool.map(lambda jar: _install(jar, jars_root), missing))
    _remove_strangers(wanted, jars_root)
    return len(missing)


def _remove_strangers(wanted: list[Jar], jars_root: Path) -> None:
    """A jar left over from an older lock would stand on the class path beside the new one."""
    names = {jar.path(jars_root) for jar in wanted}
    for set_name in {*ROOTS, *(jar.set_name for jar in wanted)}:
        for file in (jars_root / set_name).glob("*.jar"):
            if file not in names:
                file.unlink()


def _install(jar: Jar, jars_root: Path) -> None:
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=jars_root / "cache", timeout=60)
    downloaded = _download(context, jar)
    if (found := sha256_of(downloaded)) != jar.sha256:
        downloaded.unlink()
        raise SetupError(
            f"Fetching {jar.coordinates} from Maven Central: its SHA-256 is {found}, locked is {jar.sha256}."
            " The jar was not installed. Check the network for something that alters downloads."
        )
    target = jar.path(jars_root)
    target.parent.mkdir(parents=True, exist_ok=True)
    downloaded.replace(target)


def _download(context: "MavenContext", jar: Jar) -> Path:  # type: ignore[name-defined] # noqa: F821
    try:
        return context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except Exception as error:  # jgo raises whatever requests, ElementTree or the disk raise
        raise SetupError(
            f"Fetching {jar.coordinates} from Maven Central: {error}. What was fetched before is kept."
            " Check the network, then run `make setup` again."
        ) from error


def lock(
    lock_file: Path = JARS_LOCK,
    jars_root: Path = JARS_ROOT,
    roots: Mapping[str, tuple[str, ...]] = ROOTS,
    head: str = LOCK_HEAD,
) -> list[Jar]:
    """Resolve the roots with all they need and write the lock file."""
    jars = [jar for set_name, of_set in roots.items() for jar in _resolve(set_name, of_set, jars_root)]
    lock_file.write_text(format_lock(jars, head), encoding="utf-8")
    return jars


def _resolve(set_name: str, roots: tuple[str, ...], jars_root: Path) -> list[Jar]:
    from jgo.maven import Dependency, MavenContext, PythonResolver

    context = MavenContext(repo_cache=jars_root / "cache", timeout=60)
    split = [root.split(":") for root in roots]
    artifacts = [context.project(g, a).at_version(v).artifact() for g, a, v in split]
    inputs, transitive = PythonResolver().resolve([Dependency(a, scope="compile") for a in artifacts])
    present = _artifacts_of_pyspark() if set_name == "spark" else frozenset()
    needed = [d for d in [*inputs, *transitive] if d.scope in ("compile", "runtime", None)]
    return [
        Jar(set_name, d.groupId, d.artifactId, d.version, sha256_of(d.artifact.resolve()))
        for d in needed
        if d.artifactId not in present and d.artifact.packaging == "jar"
    ]


def _artifacts_of_pyspark() -> frozenset[str]:
    """Artifact ids of the jars inside the pyspark wheel: a second copy of one would shadow it."""
    import pyspark

    files = (Path(pyspark.__file__).parent / "jars").glob("*.jar")
    return frozenset(file.stem.rsplit("-", 1)[0] for file in files)


def only_jar(set_name: str) -> Path:
    """The file of a set that is one jar."""
    (jar,) = (jar for jar in locked_jars() if jar.set_name == set_name)
    return jar.path(JARS_ROOT)


def class_path(set_name: str, jars_root: Path = JARS_ROOT) -> str:
    return f"{jars_root / set_name}/*"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m stack.jars", description=__doc__.split("\n")[1])
    parser.add_argument("action", choices=("fetch", "verify", "lock"))
    action = parser.parse_args(argv).action
    try:
        if action == "lock":
            print(f"jars.lock: {len(lock())} jars")
        elif action == "fetch":
            print(f"jars: {fetch(locked_jars())} downloaded, {len(locked_jars())} in place")
        else:
            found = differences(locked_jars())
            print("\n".join(found) or "jars: all as locked")
            return 1 if found else 0
    except LakehouseError as error:
        print(f"stack.jars {action}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
